package kinds

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	resources "k8s.io/component-helpers/resource"

	"cairn/events"
	"cairn/projections/message"
	"cairn/projections/view"
)

func pods() *Kind {
	return &Kind{
		Name: events.Pods, Version: core.WithKind("Pod"), Namespaced: true, Said: "pod", Short: []string{"po"},
		New: func() Object { return &corev1.Pod{} }, Extract: extractPod, Render: renderPod, Strip: stripPod, Field: fieldOfPod,
		Status: &Status{Decode: decodePodStatus, Encode: encodePodStatus},
		Refuse: func(o Object, c *Complaints) { c.pod(&o.(*corev1.Pod).Spec, field.NewPath("spec")) },
		Life: []Share{{"spec.nodeName", Fold}, {"status.podIP", Fold}, {"status.podIPs", Fold}, {"status.hostIP", Fold}, {"status.hostIPs", Fold},
			{"status.phase", Fold}, {"status.conditions", Fold}, {"status.containerStatuses", Node}, {"status.initContainerStatuses", Node},
			{"status.startTime", Node}, {"status.qosClass", API}, {"the choice of its node", Reconciler("scheduler")},
			{"its removal once nothing of it runs", Fold}, {"its end where its node is lost", Reconciler("nodehealth")}},
	}
}

func fieldOfPod(v *view.Object, path string) (string, bool) {
	if path != "spec.nodeName" || v.Projected == nil || v.Projected.Pod == nil || v.Facts == nil || v.Facts.Pod == nil {
		return "", false
	}
	if p := v.Projected.Pod; p.Placed != 0 {
		return p.Node, true
	}
	return v.Facts.Pod.NodeName, true
}

func extractPod(in Object, _ Before, f *events.Facts) {
	pod := in.(*corev1.Pod)
	s := &pod.Spec
	f.Pod = &events.Pod{
		Requests:     quantities(resources.PodRequests(pod, resources.PodResourcesOptions{})),
		NodeSelector: pairs(s.NodeSelector),
		NodeName:     s.NodeName,
		HostNetwork:  s.HostNetwork,
		Scheduler:    s.SchedulerName,
		Hostname:     s.Hostname,
		Subdomain:    s.Subdomain,
	}
	if s.Priority != nil {
		f.Pod.Priority = int64(*s.Priority)
	}
	for _, t := range s.Tolerations {
		p := events.Toleration{Key: t.Key, Operator: string(t.Operator), Value: t.Value, Effect: string(t.Effect), Forever: t.TolerationSeconds == nil}
		if t.TolerationSeconds != nil {
			p.Seconds = *t.TolerationSeconds
		}
		f.Pod.Tolerations = append(f.Pod.Tolerations, p)
	}
	for _, c := range slices.Concat(s.InitContainers, s.Containers) {
		podPorts(c.Ports, s.HostNetwork, f.Pod)
	}
}

func podPorts(ports []corev1.ContainerPort, hostNetwork bool, p *events.Pod) {
	for _, q := range ports {
		host := q.HostPort
		if hostNetwork {
			host = q.ContainerPort
		}
		if host != 0 {
			p.HostPorts = append(p.HostPorts, events.HostPort{Protocol: string(q.Protocol), Address: q.HostIP, Port: uint64(host)})
		}
		if q.Name != "" {
			p.Ports = append(p.Ports, events.PodPort{Name: q.Name, Protocol: string(q.Protocol), Port: uint64(q.ContainerPort)})
		}
	}
}

func quantities(l corev1.ResourceList) events.Resources {
	return events.Resources{
		MilliCPU: uint64(max(l.Cpu().MilliValue(), 0)),
		Memory:   uint64(max(l.Memory().Value(), 0)),
		Storage:  uint64(max(l.StorageEphemeral().Value(), 0)),
		Pods:     uint64(max(l.Pods().Value(), 0)),
	}
}

// renderPod shows the placement, the addresses, the phase and what follows.
func renderPod(o Object, v *view.Object, _ Reader) (Object, error) {
	pod := o.(*corev1.Pod)
	if v.Projected == nil || v.Projected.Pod == nil {
		return o, nil
	}
	p := v.Projected.Pod
	st := &pod.Status
	if p.Placed != 0 {
		pod.Spec.NodeName = p.Node
		if p.Address != "" {
			st.PodIP, st.PodIPs = p.Address, []corev1.PodIP{{IP: p.Address}}
		}
		if p.HostAddress != "" {
			st.HostIP, st.HostIPs = p.HostAddress, []corev1.HostIP{{IP: p.HostAddress}}
		}
		st.Conditions = condition(st.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: at(p.PlacedAt)})
	} else if p.Unplaceable != 0 {
		st.Conditions = condition(st.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
			Reason: corev1.PodReasonUnschedulable, Message: message.Decision(p.Decision)})
	}
	if p.Reported != 0 {
		st.Phase = corev1.PodPhase(p.Phase.String())
		c := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: at(p.ReadyAt)}
		if old := find(st.Conditions, corev1.PodReady); old != nil {
			c.Reason, c.Message, c.ObservedGeneration = old.Reason, old.Message, old.ObservedGeneration
			if p.ReadyAt == 0 {
				c.LastTransitionTime = old.LastTransitionTime
			}
		}
		switch {
		case p.Lost:
			c.Reason, c.Message = "NodeLost", "node "+p.Node+" is not heard from"
		case p.Ready:
			c.Status, c.Reason, c.Message = corev1.ConditionTrue, "", ""
		}
		st.Conditions = condition(st.Conditions, c)
	}
	return o, nil
}

func at(ns int64) metav1.Time {
	if ns == 0 {
		return metav1.Time{}
	}
	return metav1.NewTime(time.Unix(ns/1e9, 0))
}

func find(list []corev1.PodCondition, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range list {
		if list[i].Type == t {
			return &list[i]
		}
	}
	return nil
}

// condition returns the list with c in it, as a copy; the order is kept.
func condition(list []corev1.PodCondition, c corev1.PodCondition) []corev1.PodCondition {
	list = slices.Clone(list)
	if old := find(list, c.Type); old != nil {
		*old = c
		return list
	}
	return append(list, c)
}

func stripPod(in, shown, stored Object) {
	pod := in.(*corev1.Pod)
	if shown == nil {
		return
	}
	was, below := shown.(*corev1.Pod), stored.(*corev1.Pod)
	if pod.Spec.NodeName == was.Spec.NodeName {
		pod.Spec.NodeName = below.Spec.NodeName
	}
	if equality.Semantic.DeepEqual(pod.Status, was.Status) {
		pod.Status = below.Status
		return
	}
	pod.Status.PodIP, pod.Status.PodIPs = below.Status.PodIP, below.Status.PodIPs
	pod.Status.HostIP, pod.Status.HostIPs = below.Status.HostIP, below.Status.HostIPs
	list := []corev1.PodCondition{}
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodScheduled {
			list = append(list, c)
		}
	}
	pod.Status.Conditions = list
	if strings.EqualFold(string(pod.Status.Phase), string(was.Status.Phase)) {
		pod.Status.Phase = below.Status.Phase
	}
}
