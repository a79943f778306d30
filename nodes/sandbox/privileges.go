package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	corev1 "k8s.io/api/core/v1"
)

// defaultCapabilities are what docker and containerd give.
var defaultCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// capabilities are the defaults (all of the host's when privileged), without
// those dropped, with those added. One that the daemon does not have cannot be
// given: asked for by name it is an error.
func (c *Container) capabilities(sc *corev1.SecurityContext, privileged bool) (*specs.LinuxCapabilities, error) {
	set := slices.Clone(defaultCapabilities)
	if privileged {
		set = slices.Clone(c.Host.Capabilities)
	}
	if k := sc.Capabilities; k != nil {
		for _, d := range k.Drop {
			if strings.EqualFold(string(d), "ALL") {
				set = nil
			}
			set = slices.DeleteFunc(set, func(s string) bool { return s == capability(d) })
		}
		for _, a := range k.Add {
			if strings.EqualFold(string(a), "ALL") {
				set = slices.Clone(c.Host.Capabilities)
				continue
			}
			if !slices.Contains(c.Host.Capabilities, capability(a)) {
				return nil, fmt.Errorf("container %q asks for capability %s, which this node does not have to give", c.Spec.Name, a)
			}
			set = append(set, capability(a))
		}
	}
	set = slices.DeleteFunc(set, func(s string) bool { return !slices.Contains(c.Host.Capabilities, s) })
	slices.Sort(set)
	set = slices.Compact(set)
	return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}, nil
}

func capability(c corev1.Capability) string {
	return "CAP_" + strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_")
}

// memoryOffered stands for the node's memory in the score of burstable pods.
const memoryOffered = 16 << 30

// oomScoreAdj says whom the kernel kills first when memory runs out: pods
// without requests first, pods with all limits set last (as the kubelet does).
func oomScoreAdj(pod *corev1.Pod, c *corev1.Container, memory int64) int {
	switch QOS(pod) {
	case corev1.PodQOSGuaranteed:
		return -997
	case corev1.PodQOSBestEffort:
		return 1000
	}
	score := 1000 - 1000*c.Resources.Requests.Memory().Value()/memory
	return int(min(999, max(3, score)))
}

// QOS is the pod's quality of service class.
func QOS(pod *corev1.Pod) corev1.PodQOSClass {
	if pod.Status.QOSClass != "" {
		return pod.Status.QOSClass
	}
	guaranteed, any := true, false
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			req, lim := c.Resources.Requests[r], c.Resources.Limits[r]
			any = any || !req.IsZero() || !lim.IsZero()
			guaranteed = guaranteed && !lim.IsZero() && (req.IsZero() || req.Cmp(lim) == 0)
		}
	}
	switch {
	case !any:
		return corev1.PodQOSBestEffort
	case guaranteed:
		return corev1.PodQOSGuaranteed
	}
	return corev1.PodQOSBurstable
}
