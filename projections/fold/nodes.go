package fold

import "cairn/events"

// nodeEvent folds registrations and changes of health.
func (s *State) nodeEvent(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if old.facts == nil || old.facts.Node == nil {
		return refuse(Malformed, string(e.Type)+" needs a node")
	}
	n := *old.node()
	switch e.Type {
	case events.DataplaneRebuilt:
		s.tell1(old, true, "DataplaneRebuilt", e.Reason)
		return Outcome{}
	case events.NodeRegistered:
		pods, ok := s.nodeRange(e.Subject.Name)
		if !ok {
			return refuse(Quota, "no share of the pod range "+s.cell.PodRange+" is left for node "+e.Subject.Name)
		}
		n.PodRange, n.Registration = pods, s.last
		s.setReady(&n, true, e.Reason)
		s.tell1(old, false, "Registered", "Node "+e.Subject.Name+" registered"+because(e.Reason))
	case events.NodeLost:
		if !n.Ready {
			return refuse(Moved, "node "+e.Subject.Name+" is not ready already")
		}
		s.setReady(&n, false, e.Reason)
		s.tell1(old, true, "NodeNotReady", "Node "+e.Subject.Name+" is lost"+because(e.Reason))
	case events.NodeReady:
		if n.Ready || n.Registration == 0 {
			return refuse(Moved, "node "+e.Subject.Name+" is ready already or not registered")
		}
		s.setReady(&n, true, e.Reason)
		s.tell1(old, false, "NodeReady", "Node "+e.Subject.Name+" is ready"+because(e.Reason))
	}
	o := *old
	o.projected = &Projected{Node: &n}
	s.step.written = o.ref
	s.put(&o)
	s.markPods(e.Subject.Name, !n.Ready)
	return Outcome{}
}

func (s *State) setReady(n *NodeState, ready bool, why string) {
	if n.Ready != ready || n.Since == 0 {
		n.Ready, n.Since = ready, s.time
	}
	n.Why = why
}

// markPods takes a lost node's pods out of rotation, or lets them back in.
func (s *State) markPods(node string, lost bool) {
	l := s.loads[node]
	if l == nil {
		return
	}
	for _, ref := range sorted(l.pods) {
		old := s.objects[ref]
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
