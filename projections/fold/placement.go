package fold

import (
	"net/netip"
	"strconv"

	"cairn/events"
)

// place gives a pod a node: the first placement that fits wins.
//
// Invariant: the requests of the pods placed on a node and not gone never
// exceed what it can allocate, nor their number its pods, nor do their host
// ports meet.
func (s *State) place(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	want := e.Facts.Placement
	if want == nil || old.facts == nil || old.facts.Pod == nil {
		return refuse(Malformed, "pod.placed needs a pod and a placement")
	}
	p := old.pod()
	switch {
	case p.Placed != 0:
		return refuse(Unplaceable, "pod "+e.Subject.Name+" is already assigned to node "+p.Node)
	case old.facts.Deleting != 0:
		return refuse(Unplaceable, "pod "+e.Subject.Name+" is being deleted")
	case old.facts.Pod.NodeName != "" && old.facts.Pod.NodeName != want.Node:
		return refuse(Unplaceable, "pod "+e.Subject.Name+" asks for node "+old.facts.Pod.NodeName)
	}
	node := s.objects[events.Ref{Kind: events.Nodes, Name: want.Node}]
	if refused := s.fits(old, node, want); !refused.Accepted() {
		return refused
	}
	st := *p
	st.Node, st.Registration, st.Epoch = want.Node, want.Registration, p.Epoch+1
	st.Placed, st.PlacedAt, st.Why, st.Unplaceable = s.last, s.time, want.Why, 0
	st.HostAddress = internalAddress(node.facts.Node)
	if old.facts.Pod.HostNetwork {
		st.Address = st.HostAddress
	} else {
		a, ok := s.podAddress(want.Node)
		if !ok {
			return refuse(Unplaceable, "no pod address is free on node "+want.Node)
		}
		s.saveClaim(a, &claim{pod: old.ref, uid: old.uid, epoch: st.Epoch, node: want.Node})
		st.Address = a.String()
	}
	o := *old
	o.projected = &Projected{Pod: &st}
	s.step.written = o.ref
	s.put(&o)
	s.tell1(old, false, "Scheduled", "Successfully assigned "+old.ref.Namespace+"/"+old.ref.Name+" to "+want.Node+because(want.Why))
	return Outcome{}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func (s *State) fits(pod, node *object, want *events.Placement) Outcome {
	no := func(reason string) Outcome { return refuse(Unplaceable, "node "+want.Node+" "+reason) }
	if node == nil || node.facts.Node == nil {
		return no("does not exist")
	}
	n := node.node()
	asked := pod.facts.Pod.NodeName == want.Node
	switch {
	case n.Registration == 0 || n.Registration != want.Registration:
		return no("has registered anew since")
	case !n.Ready:
		return no("is not ready")
	case node.facts.Node.Unschedulable && !asked:
		return no("is unschedulable")
	case node.facts.Deleting != 0:
		return no("is being deleted")
	}
	have, used := node.facts.Node.Allocatable, events.Resources{}
	count := 0
	l := s.loads[want.Node]
	if l != nil {
		used, count = l.used, len(l.pods)
	}
	r := pod.facts.Pod.Requests
	switch {
	case uint64(count)+1 > have.Pods:
		return no("runs " + strconv.Itoa(count) + " pods already")
	case used.MilliCPU+r.MilliCPU > have.MilliCPU && r.MilliCPU > 0:
		return no("has too little CPU left")
	case used.Memory+r.Memory > have.Memory && r.Memory > 0:
		return no("has too little memory left")
	case used.Storage+r.Storage > have.Storage && r.Storage > 0:
		return no("has too little ephemeral storage left")
	}
	if l != nil {
		for _, p := range pod.facts.Pod.HostPorts {
			for q := range l.ports {
				if meet(p, q) {
					return no("has host port " + strconv.FormatUint(p.Port, 10) + " taken")
				}
			}
		}
	}
	return Outcome{}
}

// meet tells whether two host ports can't both be bound.
func meet(a, b events.HostPort) bool {
	anyAddr := func(s string) bool { return s == "" || s == "0.0.0.0" || s == "::" }
	return a.Port == b.Port && a.Protocol == b.Protocol && (a.Address == b.Address || anyAddr(a.Address) || anyAddr(b.Address))
}

func internalAddress(n *events.Node) string {
	for _, a := range n.Addresses {
		if a.Key == "InternalIP" {
			return a.Value
		}
	}
	return ""
}

func (s *State) unschedulable(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if old.facts == nil || old.facts.Pod == nil {
		return refuse(Malformed, "pod.unschedulable needs a pod")
	}
	if old.pod().Placed != 0 || old.facts.Deleting != 0 {
		return refuse(Unplaceable, "pod "+e.Subject.Name+" is placed or being deleted")
	}
	st := *old.pod()
	st.Why, st.Unplaceable = e.Reason, s.last
	o := *old
	o.projected = &Projected{Pod: &st}
	s.put(&o)
	s.tell1(old, true, "FailedScheduling", e.Reason)
	return Outcome{}
}

func parseAddr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil
}
