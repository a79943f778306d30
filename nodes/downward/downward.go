package downward

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Field gives the value of a fieldRef's path, like metadata.name.
func Field(pod *corev1.Pod, path string) (string, error) {
	if name, key, ok := subscript(path); ok {
		switch name {
		case "metadata.labels":
			return pod.Labels[key], nil
		case "metadata.annotations":
			return pod.Annotations[key], nil
		}
	}
	switch path {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "metadata.labels":
		return pairs(pod.Labels), nil
	case "metadata.annotations":
		return pairs(pod.Annotations), nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.podIP":
		return pod.Status.PodIP, nil
	case "status.podIPs":
		var ips []string
		for _, ip := range pod.Status.PodIPs {
			ips = append(ips, ip.IP)
		}
		return strings.Join(ips, ","), nil
	case "status.hostIP", "status.hostIPs":
		return pod.Status.HostIP, nil
	}
	return "", fmt.Errorf("fieldPath %q is not one that a pod can refer to (metadata.name, namespace, uid, labels, annotations; spec.nodeName, serviceAccountName; status.podIP, podIPs, hostIP, hostIPs)", path)
}

// subscript splits metadata.labels['key'].
func subscript(path string) (name, key string, ok bool) {
	name, rest, ok := strings.Cut(path, "['")
	key, end := strings.CutSuffix(rest, "']")
	return name, key, ok && end
}

func pairs(m map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%s\n", k, strconv.Quote(m[k]))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Resource gives the value of a resourceFieldRef, like limits.cpu, in units of
// its divisor, rounded up. A limit that is not set is what the node offers.
func Resource(pod *corev1.Pod, container string, ref *corev1.ResourceFieldSelector, node corev1.ResourceList) (string, error) {
	if ref.ContainerName != "" {
		container = ref.ContainerName
	}
	c, ok := find(pod, container)
	if !ok {
		return "", fmt.Errorf("resourceFieldRef: pod has no container %q", container)
	}
	kind, name, _ := strings.Cut(ref.Resource, ".")
	r := corev1.ResourceName(name)
	var q resource.Quantity
	switch kind {
	case "limits":
		if q, ok = c.Resources.Limits[r]; !ok {
			q = node[r]
		}
	case "requests":
		q = c.Resources.Requests[r]
	default:
		return "", fmt.Errorf("resourceFieldRef %q: want limits.NAME or requests.NAME", ref.Resource)
	}
	divisor := ref.Divisor
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	if r == corev1.ResourceCPU {
		return strconv.FormatInt(ceil(q.MilliValue(), divisor.MilliValue()), 10), nil
	}
	return strconv.FormatInt(ceil(q.Value(), divisor.Value()), 10), nil
}

func ceil(a, b int64) int64 {
	if b <= 0 {
		return a
	}
	return (a + b - 1) / b
}

func find(pod *corev1.Pod, name string) (corev1.Container, bool) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == name {
			return c, true
		}
	}
	return corev1.Container{}, false
}
