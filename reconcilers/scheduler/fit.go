package scheduler

import (
	"fmt"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// refuses says why a node can't take a pod, in Kubernetes' words; empty: it can.
func (n *node) refuses(pic *reconcile.Cache, p *reconcile.Object) string {
	if reason := n.unhealthy(); reason != "" {
		return reason
	}
	want, have := p.Facts.Pod, n.object.Facts.Node
	if have.Unschedulable && !tolerates(want.Tolerations, events.Taint{Key: "node.kubernetes.io/unschedulable", Effect: "NoSchedule"}) {
		return "node(s) were unschedulable"
	}
	for _, t := range have.Taints {
		if (t.Effect == "NoSchedule" || t.Effect == "NoExecute") && !tolerates(want.Tolerations, t) {
			return fmt.Sprintf("node(s) had untolerated taint {%s: %s}", t.Key, t.Value)
		}
	}
	for _, s := range want.NodeSelector {
		if v, ok := reconcile.Label(n.object.Facts.Labels, s.Key); !ok || v != s.Value {
			return "node(s) didn't match Pod's node affinity/selector"
		}
	}
	if reason := n.portTaken(pic, p); reason != "" {
		return reason
	}
	return n.tooSmall(p)
}

func (n *node) unhealthy() string {
	switch st := n.object.Node(); {
	case st.Registration == 0:
		return "node(s) had not registered"
	case !st.Ready:
		return "node(s) were not ready"
	case n.object.Facts.Deleting != 0:
		return "node(s) were being deleted"
	}
	return ""
}

func (n *node) tooSmall(p *reconcile.Object) string {
	want, have, used := p.Facts.Pod.Requests, n.object.Facts.Node.Allocatable, n.used
	switch {
	case used.Pods+1 > have.Pods:
		return "Too many pods"
	case want.MilliCPU > 0 && used.MilliCPU+want.MilliCPU > have.MilliCPU:
		return "Insufficient cpu"
	case want.Memory > 0 && used.Memory+want.Memory > have.Memory:
		return "Insufficient memory"
	case want.Storage > 0 && used.Storage+want.Storage > have.Storage:
		return "Insufficient ephemeral-storage"
	}
	return ""
}

func (n *node) portTaken(pic *reconcile.Cache, p *reconcile.Object) string {
	if len(p.Facts.Pod.HostPorts) == 0 {
		return ""
	}
	if !n.asked {
		n.asked = true
		for _, o := range pic.OnNode(n.object.Ref.Name) {
			if o.Facts.Pod != nil && reconcile.Holds(o) {
				n.ports = append(n.ports, o.Facts.Pod.HostPorts...)
			}
		}
	}
	for _, a := range p.Facts.Pod.HostPorts {
		for _, b := range n.ports {
			if a.Port == b.Port && a.Protocol == b.Protocol && (a.Address == b.Address || any4(a.Address) || any4(b.Address)) {
				return "node(s) didn't have free ports for the requested pod ports"
			}
		}
	}
	return ""
}

func any4(address string) bool { return address == "" || address == "0.0.0.0" || address == "::" }

// take books a pod that this plan places.
func (n *node) take(p *reconcile.Object) {
	r := p.Facts.Pod.Requests
	n.used.MilliCPU += r.MilliCPU
	n.used.Memory += r.Memory
	n.used.Storage += r.Storage
	n.used.Pods++
	if n.asked {
		n.ports = append(n.ports, p.Facts.Pod.HostPorts...)
	}
}

// left scores what the node would have left, 0..200: per cent of CPU and memory.
// A pod that asks for nothing is counted as 100m and 200Mi, as Kubernetes does,
// so that such pods spread too.
func (n *node) left(p *reconcile.Object) uint64 {
	want, have := p.Facts.Pod.Requests, n.object.Facts.Node.Allocatable
	count := n.used.Pods
	return share(n.used.MilliCPU+max(want.MilliCPU, 100)+count, have.MilliCPU) +
		share(n.used.Memory+max(want.Memory, 200<<20)+count<<20, have.Memory)
}

// share is the part of have that is not used, in per cent.
func share(used, have uint64) uint64 {
	if have == 0 || used >= have {
		return 0
	}
	return (have - used) * 100 / have
}

// tolerates tells whether any toleration matches the taint (core/v1's rules).
func tolerates(list []events.Toleration, t events.Taint) bool {
	for _, x := range list {
		if x.Effect != "" && x.Effect != t.Effect || x.Key != "" && x.Key != t.Key {
			continue
		}
		if x.Operator == "Exists" || x.Key != "" && x.Value == t.Value && (x.Operator == "" || x.Operator == "Equal") {
			return true
		}
	}
	return false
}
