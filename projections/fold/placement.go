package fold

import (
	"net/netip"
	"strconv"

	"cairn/events"
	"cairn/projections/fit"
)

// place gives a pod a node: the first placement that fits wins.
//
// Invariant: at each placement, the requests of the pods that hold room on the
// node do not exceed what it can allocate, nor their number its pods, nor do
// their host ports meet.
func (s *State) place(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	want := e.Facts.Placement
	if want == nil || old.facts == nil || old.facts.Pod == nil {
		return incomplete(e)
	}
	p := old.pod()
	if refused := waiting(old); !refused.Accepted() {
		return refused
	}
	node := s.at(events.Ref{Kind: events.Nodes, Name: want.Node})
	if refused := s.fits(old, node, want); !refused.Accepted() {
		return refused
	}
	st := *p
	st.Node, st.Registration, st.Epoch = want.Node, want.Registration, p.Epoch+1
	st.Placed, st.PlacedAt = s.last, s.time
	st.Decision, st.Unplaceable, st.Attempts, st.TriedAt = nil, 0, 0, 0
	st.HostAddress = internalAddress(node.facts.Node)
	if old.facts.Pod.HostNetwork {
		st.Address = st.HostAddress
	} else {
		a, ok := s.podAddress(want.Node)
		if !ok {
			return refuse(Unplaceable, NoPodAddress, want.Node)
		}
		s.saveClaim(a, &claim{pod: old.ref, uid: old.uid, epoch: st.Epoch, node: want.Node})
		st.Address = a.String()
	}
	o := *old
	o.projected = &Projected{Pod: &st}
	s.step.written = o.ref
	s.put(&o)
	s.emit(old, KubeEvent{Code: Scheduled, Args: []string{want.Node}})
	return Outcome{}
}

// waiting refuses what no scheduler has a say in any more.
func waiting(pod *object) Outcome {
	p := pod.pod()
	switch {
	case p.Placed != 0:
		return refuse(Unplaceable, AlreadyPlaced, pod.ref.Name, p.Node)
	case pod.facts.Deleting != 0:
		return refuse(Unplaceable, PodDeleting, pod.ref.Name)
	}
	return Outcome{}
}

// fits asks the function that the scheduler asks too.
func (s *State) fits(pod, node *object, want *events.Placement) Outcome {
	if node == nil || node.facts.Node == nil {
		return refuse(Unplaceable, NodeGone, want.Node)
	}
	st := node.node()
	if st.Registration != 0 && st.Registration != want.Registration {
		return refuse(Unplaceable, Reregistered, want.Node)
	}
	var n fit.Node
	if l := s.loads[want.Node]; l != nil {
		n = l.Node
	}
	n.Name, n.Facts, n.Labels = want.Node, node.facts.Node, node.facts.Labels
	n.Registered, n.Ready, n.Deleting = st.Registration != 0, st.Ready, node.facts.Deleting != 0
	if r := fit.Check(pod.facts.Pod, &n); !r.OK() {
		return refuse(Unplaceable, DoesNotFit, want.Node, strconv.FormatUint(uint64(r.Reason), 10), r.Arg)
	}
	return Outcome{}
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
	if old.facts == nil || old.facts.Pod == nil || e.Facts.Decision == nil {
		return incomplete(e)
	}
	if refused := waiting(old); !refused.Accepted() {
		return refused
	}
	st := *old.pod()
	st.Decision, st.Unplaceable, st.TriedAt = e.Facts.Decision, s.last, s.time
	st.Attempts++
	o := *old
	o.projected = &Projected{Pod: &st}
	s.put(&o)
	s.emit(old, KubeEvent{Code: FailedScheduling, Decision: e.Facts.Decision, Warning: true})
	return Outcome{}
}

func parseAddr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil
}
