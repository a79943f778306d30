package fold

import (
	"strconv"

	"cairn/events"
)

// report folds what a node says of a pod. Reports of another epoch, uid or
// registration are fenced.
//
// Invariant: a pod that is done (Succeeded, Failed) or whose sandbox is gone
// takes no other phase.
func (s *State) report(e *events.Event) Outcome {
	r := e.Facts.Report
	if r == nil || e.UID == "" {
		return incomplete(e)
	}
	old := s.at(e.Subject)
	if old == nil || old.uid != e.UID {
		return s.reportOfGone(e, r)
	}
	if old.facts == nil || old.facts.Pod == nil {
		return incomplete(e)
	}
	if refused := s.fence(e, r, old); !refused.Accepted() {
		return refused
	}
	p := *old.pod()
	p.Reported = s.last
	if !p.Finished() {
		p.Phase = r.Phase
	}
	if ready := r.Ready && p.Phase == events.Running && e.Type != events.SandboxRemoved; ready != p.Ready {
		p.Ready, p.ReadyAt = ready, s.time
	}
	o := *old
	if e.Type == events.SandboxRemoved {
		p.Stopped = true
		if a, ok := parseAddr(p.Address); ok && s.claims[a].uid == old.uid {
			s.release(a)
		}
	}
	o.projected = &Projected{Pod: &p}
	s.write(e, &o)
	s.emitIncidents(old, r.Incidents)
	if released(&o) {
		s.remove(o.ref)
	}
	return Outcome{}
}

func (s *State) fence(e *events.Event, r *events.Report, pod *object) Outcome {
	p := pod.pod()
	node := s.at(events.Ref{Kind: events.Nodes, Name: p.Node})
	switch {
	case p.Placed == 0 || r.Epoch != p.Epoch:
		return refuse(Fenced, OtherEpoch, e.Subject.Name, strconv.FormatUint(r.Epoch, 10), strconv.FormatUint(p.Epoch, 10))
	case e.Actor.Node != p.Node:
		return refuse(Fenced, OtherNode, e.Subject.Name, p.Node)
	case node == nil || node.node().Registration != r.Registration:
		return refuse(Fenced, OtherRegistration, p.Node)
	case p.Stopped:
		return refuse(Fenced, SandboxGone, e.Subject.Name)
	}
	return Outcome{}
}

// reportOfGone takes the end of a sandbox whose pod was removed by force: its
// address is free only now.
func (s *State) reportOfGone(e *events.Event, r *events.Report) Outcome {
	if e.Type == events.SandboxRemoved {
		for _, a := range s.claimed[e.UID] {
			if c := s.claims[a]; c.epoch == r.Epoch && c.node == e.Actor.Node {
				s.release(a)
				return Outcome{}
			}
		}
	}
	return refuse(NotFound, PodGone, e.Subject.Namespace, e.Subject.Name)
}
