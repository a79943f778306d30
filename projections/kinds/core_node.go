package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"cairn/events"
	"cairn/projections/message"
	"cairn/projections/view"
)

func nodes() *Kind {
	return &Kind{
		Name: events.Nodes, Version: core.WithKind("Node"), Said: "node", Short: []string{"no"},
		New: func() Object { return &corev1.Node{} }, Extract: extractNode, Render: renderNode, Strip: stripNode,
		Status: &Status{Decode: decodeNodeStatus, Encode: encodeNodeStatus},
		Life: []Share{{"spec.podCIDR", Fold}, {"spec.podCIDRs", Fold}, {"status.conditions", Fold},
			{"status.addresses", Node}, {"status.allocatable", Node}, {"status.capacity", Node}, {"status.nodeInfo", Node},
			{"being called lost, or back", Reconciler("nodehealth")}},
	}
}

func extractNode(in Object, _ Before, f *events.Facts) {
	n := in.(*corev1.Node)
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

// renderNode shows the node's share of the pod range and its health.
func renderNode(o Object, v *view.Object, _ Reader) (Object, error) {
	n := o.(*corev1.Node)
	if v.Projected == nil || v.Projected.Node == nil {
		return o, nil
	}
	p := v.Projected.Node
	if p.PodRange != "" {
		n.Spec.PodCIDR, n.Spec.PodCIDRs = p.PodRange, []string{p.PodRange}
	}
	if p.Registration == 0 {
		return o, nil
	}
	c := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "NodeReady", Message: message.NodeHealth(p),
		LastTransitionTime: at(p.Since), LastHeartbeatTime: at(p.Since)}
	if !p.Ready {
		c.Status, c.Reason = corev1.ConditionFalse, "NodeLost"
	}
	list := []corev1.NodeCondition{}
	for _, old := range n.Status.Conditions {
		if old.Type != corev1.NodeReady {
			list = append(list, old)
		}
	}
	n.Status.Conditions = append(list, c)
	return o, nil
}

func stripNode(in, shown, stored Object) {
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
