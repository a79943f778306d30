package fit

import (
	"strconv"

	"cairn/events"
)

// Reason says which filter left a node out. Reasons are stored in decisions
// and outcomes: append only.
type Reason uint64

const (
	OK             Reason = iota
	NoNode                // Arg: the node that the pod asks for and that does not exist
	NotRegistered         // its daemon never came
	NotReady              // its daemon is not heard from
	Deleting              // the node is being deleted
	Unschedulable         // cordoned
	Taint                 // Arg: key=value:effect
	Selector              // the pod's node selector
	HostPort              // Arg: the first host port that is taken
	TooManyPods           // as many pods as it takes
	CPU                   // requests do not fit
	Memory                //
	Storage               // ephemeral storage
	AsksForAnother        // the pod names another node
	Refused               // Arg: why the fold refused, though all filters passed; never an answer of Check
)

// Refusal is why a node can't take a pod. The zero Refusal: it can.
type Refusal struct {
	Reason Reason
	Arg    string
}

// OK reports whether the node can take the pod.
func (r Refusal) OK() bool { return r.Reason == OK }

// Ports counts the host ports that a node's pods hold.
type Ports map[events.HostPort]int

// Node is a node as it stands.
type Node struct {
	Name       string
	Facts      *events.Node
	Labels     []events.Pair // sorted by key
	Registered bool
	Ready      bool
	Deleting   bool
	Used       events.Resources // of the pods that hold room there; Pods is their number
	Ports      Ports
}

// cordon is the taint that stands for an unschedulable node.
var cordon = events.Taint{Key: "node.kubernetes.io/unschedulable", Effect: "NoSchedule"}

// Check answers whether n can take a pod, and else the first filter that
// leaves it out. n is not nil and has facts.
func Check(pod *events.Pod, n *Node) Refusal {
	asked := pod.NodeName == n.Name
	switch {
	case pod.NodeName != "" && !asked:
		return Refusal{AsksForAnother, pod.NodeName}
	case !n.Registered:
		return Refusal{Reason: NotRegistered}
	case !n.Ready:
		return Refusal{Reason: NotReady}
	case n.Deleting:
		return Refusal{Reason: Deleting}
	}
	if !asked {
		if r := admits(pod, n); !r.OK() {
			return r
		}
	}
	for _, p := range pod.HostPorts {
		if n.Ports.meet(p) {
			return Refusal{HostPort, strconv.FormatUint(p.Port, 10)}
		}
	}
	return room(pod.Requests, n)
}

// admits checks what a node or a pod says of whom it wants.
func admits(pod *events.Pod, n *Node) Refusal {
	if n.Facts.Unschedulable && !Tolerates(pod.Tolerations, cordon) {
		return Refusal{Reason: Unschedulable}
	}
	for _, t := range n.Facts.Taints {
		if (t.Effect == "NoSchedule" || t.Effect == "NoExecute") && !Tolerates(pod.Tolerations, t) {
			return Refusal{Taint, t.Key + "=" + t.Value + ":" + t.Effect}
		}
	}
	for _, want := range pod.NodeSelector {
		if !has(n.Labels, want) {
			return Refusal{Reason: Selector}
		}
	}
	return Refusal{}
}

func room(want events.Resources, n *Node) Refusal {
	have, used := n.Facts.Allocatable, n.Used
	switch {
	case used.Pods >= have.Pods:
		return Refusal{Reason: TooManyPods}
	case exceeds(used.MilliCPU, want.MilliCPU, have.MilliCPU):
		return Refusal{Reason: CPU}
	case exceeds(used.Memory, want.Memory, have.Memory):
		return Refusal{Reason: Memory}
	case exceeds(used.Storage, want.Storage, have.Storage):
		return Refusal{Reason: Storage}
	}
	return Refusal{}
}

// exceeds reports whether want does not fit any more; who wants nothing fits
// everywhere. Sums that overflow exceed.
func exceeds(used, want, have uint64) bool {
	sum := used + want
	return want > 0 && (sum > have || sum < used)
}

func has(labels []events.Pair, want events.Pair) bool {
	for _, l := range labels {
		if l.Key == want.Key {
			return l.Value == want.Value
		}
	}
	return false
}

// meet reports whether p can't be bound beside the ports that are held.
func (held Ports) meet(p events.HostPort) bool {
	if held[p] > 0 {
		return true
	}
	if len(held) == 0 {
		return false
	}
	for q := range held {
		if p.Port == q.Port && p.Protocol == q.Protocol && (anyAddress(p.Address) || anyAddress(q.Address)) {
			return true
		}
	}
	return false
}

func anyAddress(s string) bool { return s == "" || s == "0.0.0.0" || s == "::" }

// Hold books what a pod holds on its node, or gives it back with sign -1.
func (n *Node) Hold(pod *events.Pod, sign int) {
	r, one := pod.Requests, uint64(1)
	if sign < 0 { // unsigned: adding the complement takes away
		r.MilliCPU, r.Memory, r.Storage, one = -r.MilliCPU, -r.Memory, -r.Storage, -one
	}
	n.Used.MilliCPU += r.MilliCPU
	n.Used.Memory += r.Memory
	n.Used.Storage += r.Storage
	n.Used.Pods += one
	for _, p := range pod.HostPorts {
		if n.Ports == nil {
			n.Ports = Ports{}
		}
		if n.Ports[p] += sign; n.Ports[p] == 0 {
			delete(n.Ports, p)
		}
	}
}

// Tolerates reports whether any toleration matches the taint (core/v1's rules).
func Tolerates(list []events.Toleration, t events.Taint) bool {
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
