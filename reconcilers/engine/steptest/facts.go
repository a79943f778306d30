package steptest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"cairn/events"
)

var kindNames = map[string]string{
	"Pod": events.Pods, "Namespace": events.Namespaces, "Node": events.Nodes, "ConfigMap": events.ConfigMaps, "ServiceAccount": events.ServiceAccounts,
	"ReplicationController": events.ReplicationCtrl, "ReplicaSet": events.ReplicaSets, "Deployment": events.Deployments, "Service": events.Services,
}

// factsOf extracts what the fold must know of an object, as an API server does.
func factsOf(o metav1.Object) events.Facts {
	f := events.Facts{Labels: pairs(o.GetLabels()), Finalizers: slices.Sorted(slices.Values(o.GetFinalizers())), Generation: uint64(o.GetGeneration())}
	if t := o.GetDeletionTimestamp(); t != nil {
		f.Deleting = t.Unix()
	}
	for _, w := range o.GetOwnerReferences() {
		f.Owners = append(f.Owners, events.Owner{Kind: kindNames[w.Kind], Name: w.Name, UID: string(w.UID),
			Controller: w.Controller != nil && *w.Controller, Block: w.BlockOwnerDeletion != nil && *w.BlockOwnerDeletion})
	}
	switch b := o.(type) {
	case *corev1.Pod:
		f.Pod = podFacts(b)
	case *corev1.Service:
		f.Service = &events.Service{Type: "ClusterIP", Selector: pairs(b.Spec.Selector)}
		for _, p := range b.Spec.Ports {
			f.Service.Ports = append(f.Service.Ports, events.ServicePort{Name: p.Name, Protocol: string(p.Protocol), Port: uint64(p.Port), Target: uint64(p.Port)})
		}
	case *appsv1.ReplicaSet:
		f.Workload = workload(b.Spec.Replicas, b.Spec.Selector, &b.Spec.Template, b.Spec.MinReadySeconds)
	case *corev1.ReplicationController:
		f.Workload = workload(b.Spec.Replicas, &metav1.LabelSelector{MatchLabels: b.Spec.Selector}, b.Spec.Template, b.Spec.MinReadySeconds)
	case *appsv1.Deployment:
		f.Workload = workload(b.Spec.Replicas, b.Spec.Selector, &b.Spec.Template, b.Spec.MinReadySeconds)
		f.Deployment = deployment(b)
	}
	return f
}

func podFacts(p *corev1.Pod) *events.Pod {
	f := &events.Pod{NodeSelector: pairs(p.Spec.NodeSelector), NodeName: p.Spec.NodeName, Scheduler: p.Spec.SchedulerName}
	if p.Spec.Priority != nil {
		f.Priority = int64(*p.Spec.Priority)
	}
	for _, c := range p.Spec.Containers {
		f.Requests.MilliCPU += uint64(c.Resources.Requests.Cpu().MilliValue())
		f.Requests.Memory += uint64(c.Resources.Requests.Memory().Value())
		for _, x := range c.Ports {
			if x.HostPort != 0 {
				f.HostPorts = append(f.HostPorts, events.HostPort{Protocol: "TCP", Port: uint64(x.HostPort)})
			}
		}
	}
	for _, t := range p.Spec.Tolerations {
		x := events.Toleration{Key: t.Key, Operator: string(t.Operator), Value: t.Value, Effect: string(t.Effect), Forever: t.TolerationSeconds == nil}
		if t.TolerationSeconds != nil {
			x.Seconds = *t.TolerationSeconds
		}
		f.Tolerations = append(f.Tolerations, x)
	}
	return f
}

func workload(replicas *int32, sel *metav1.LabelSelector, t *corev1.PodTemplateSpec, minReady int32) *events.Workload {
	w := &events.Workload{Replicas: 1, TemplateLabels: pairs(t.Labels), MinReadySeconds: uint64(minReady)}
	if replicas != nil {
		w.Replicas = uint64(*replicas)
	}
	for _, p := range pairs(sel.MatchLabels) {
		w.Selector.Requirements = append(w.Selector.Requirements, events.Requirement{Key: p.Key, Operator: "In", Values: []string{p.Value}})
	}
	t = t.DeepCopy()
	delete(t.Labels, "pod-template-hash")
	b, _ := json.Marshal(t)
	h := fnv.New32a()
	h.Write(b)
	w.TemplateHash = fmt.Sprintf("%x", h.Sum32())
	return w
}

func deployment(d *appsv1.Deployment) *events.Deployment {
	f := &events.Deployment{Recreate: d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType, Paused: d.Spec.Paused,
		MaxSurge: events.Amount{Value: 25, Percent: true}, MaxUnavailable: events.Amount{Value: 25, Percent: true}, HistoryLimit: 10, DeadlineSeconds: 600}
	if r := d.Spec.Strategy.RollingUpdate; r != nil {
		f.MaxSurge, f.MaxUnavailable = amount(r.MaxSurge, f.MaxSurge), amount(r.MaxUnavailable, f.MaxUnavailable)
	}
	if n := d.Spec.RevisionHistoryLimit; n != nil {
		f.HistoryLimit = uint64(*n)
	}
	if n := d.Spec.ProgressDeadlineSeconds; n != nil {
		f.DeadlineSeconds = uint64(*n)
	}
	return f
}

func amount(v *intstr.IntOrString, otherwise events.Amount) (a events.Amount) {
	switch {
	case v == nil:
		return otherwise
	case v.Type == intstr.Int:
		return events.Amount{Value: uint64(v.IntVal)}
	}
	fmt.Sscanf(v.StrVal, "%d%%", &a.Value)
	a.Percent = true
	return a
}

func pairs(m map[string]string) (list []events.Pair) {
	for k, v := range m {
		list = append(list, events.Pair{Key: k, Value: v})
	}
	slices.SortFunc(list, func(a, b events.Pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}
