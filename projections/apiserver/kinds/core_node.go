package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"cairn/events"
	"cairn/projections/view"
)

func namespaceFacts(o Object, f *events.Facts) {
	ns := o.(*corev1.Namespace)
	list := ns.Finalizers
	for _, n := range ns.Spec.Finalizers {
		list = append(slices.Clone(list), string(n))
	}
	f.Finalizers = set(list)
}

func nodeFacts(o Object, f *events.Facts) {
	n := o.(*corev1.Node)
	f.Node = &events.Node{Unschedulable: n.Spec.Unschedulable, Allocatable: quantities(n.Status.Allocatable)}
	for _, t := range n.Spec.Taints {
		f.Node.Taints = append(f.Node.Taints, events.Taint{Key: t.Key, Value: t.Value, Effect: string(t.Effect)})
	}
	slices.SortFunc(f.Node.Taints, func(a, b events.Taint) int {
		return strings.Compare(a.Key+" "+a.Effect, b.Key+" "+b.Effect)
	})
	for _, a := range n.Status.Addresses {
		f.Node.Addresses = append(f.Node.Addresses, events.Pair{Key: string(a.Type), Value: a.Address})
	}
}

// layNode shows the node's share of the pod range and its health.
func layNode(o Object, v *view.Object) {
	n := o.(*corev1.Node)
	if v.Projected == nil || v.Projected.Node == nil {
		return
	}
	p := v.Projected.Node
	if p.PodRange != "" {
		n.Spec.PodCIDR, n.Spec.PodCIDRs = p.PodRange, []string{p.PodRange}
	}
	if p.Registration == 0 {
		return
	}
	c := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "NodeReady", Message: "the node's daemon is heard from",
		LastTransitionTime: at(p.Since), LastHeartbeatTime: at(p.Since)}
	if !p.Ready {
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, "NodeLost", "the node's daemon is not heard from"
	}
	if p.Why != "" {
		c.Message = p.Why
	}
	list := []corev1.NodeCondition{}
	for _, old := range n.Status.Conditions {
		if old.Type != corev1.NodeReady {
			list = append(list, old)
		}
	}
	n.Status.Conditions = append(list, c)
}

func keepNode(in, shown, stored Object) {
	n := in.(*corev1.Node)
	if shown == nil {
		return
	}
	was, below := shown.(*corev1.Node), stored.(*corev1.Node)
	if n.Spec.PodCIDR == was.Spec.PodCIDR {
		n.Spec.PodCIDR, n.Spec.PodCIDRs = below.Spec.PodCIDR, below.Spec.PodCIDRs
	}
	if equality.Semantic.DeepEqual(n.Status, was.Status) {
		n.Status = below.Status
		return
	}
	list := []corev1.NodeCondition{}
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady {
			list = append(list, c)
		}
	}
	n.Status.Conditions = list
}

func configMapFacts(o Object, f *events.Facts) {
	c := o.(*corev1.ConfigMap)
	sizes(c.Data, f)
	if len(c.BinaryData) > 0 {
		sizes(c.BinaryData, f)
	}
}

func secretFacts(o Object, f *events.Facts) { sizes(o.(*corev1.Secret).Data, f) }
