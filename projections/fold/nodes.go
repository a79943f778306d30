package fold

import "cairn/events"

// nodeEvent folds registrations and changes of health.
func (s *State) nodeEvent(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if old.facts == nil || old.facts.Node == nil {
		return incomplete(e)
	}
	n := *old.node()
	switch e.Type {
	case events.DataplaneRebuilt:
		s.emit(old, KubeEvent{Code: DataplaneRebuilt, Warning: true})
		return Outcome{}
	case events.NodeRegistered:
		pods, ok := s.nodeRange(e.Subject.Name)
		if !ok {
			return refuse(Quota, NoPodRange, s.cell.PodRange, e.Subject.Name)
		}
		n.PodRange, n.Registration = pods, s.last
		s.setReady(&n, true, NodeHasJoined)
		s.emit(old, KubeEvent{Code: NodeRegistered})
	case events.NodeLost:
		if !n.Ready {
			return refuse(Moved, AlreadyLost, e.Subject.Name)
		}
		s.setReady(&n, false, NodeIsLost)
		s.emit(old, KubeEvent{Code: NodeLost, Warning: true})
	case events.NodeReady:
		if n.Registration == 0 {
			return refuse(Moved, NotRegistered, e.Subject.Name)
		}
		if n.Ready {
			return refuse(Moved, AlreadyReady, e.Subject.Name)
		}
		s.setReady(&n, true, NodeHasReturned)
		s.emit(old, KubeEvent{Code: NodeReturned})
	}
	o := *old
	o.projected = &Projected{Node: &n}
	s.step.written = o.ref
	s.put(&o)
	s.markPods(e.Subject.Name, !n.Ready)
	return Outcome{}
}

func (s *State) setReady(n *NodeState, ready bool, code NodeCode) {
	if n.Ready != ready || n.Since == 0 {
		n.Ready, n.Since = ready, s.time
	}
	n.Code, n.Note = code, s.step.event.Reason
}

// markPods takes a lost node's pods out of rotation, or lets them back in.
func (s *State) markPods(node string, lost bool) {
	l := s.loads[node]
	if l == nil {
		return
	}
	for _, ref := range sorted(l.pods) {
		old := s.at(ref)
		if old.pod().Lost == lost {
			continue
		}
		p := *old.pod()
		p.Lost = lost
		o := *old
		o.projected = &Projected{Pod: &p}
		s.put(&o)
	}
}
