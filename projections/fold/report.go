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
		return refuse(Malformed, string(e.Type)+" needs a report and the pod's uid")
	}
	old := s.objects[e.Subject]
	if old == nil || old.uid != e.UID {
		return s.reportOfGone(e, r)
	}
	if old.facts == nil || old.facts.Pod == nil {
		return refuse(Malformed, string(e.Type)+" needs a pod")
	}
	if refused := s.fence(e, r, old); !refused.Accepted() {
		return refused
	}
	p := *old.pod()
	p.Reported = s.last
	if p.Phase != events.Succeeded && p.Phase != events.Failed {
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
	for _, i := range r.Incidents {
		s.tellIncident(old, i)
	}
	if s.finished(&o) {
		s.remove(o.ref)
	}
	return Outcome{}
}

func (s *State) fence(e *events.Event, r *events.Report, pod *object) Outcome {
	p := pod.pod()
	node := s.objects[events.Ref{Kind: events.Nodes, Name: p.Node}]
	switch {
	case p.Placed == 0 || r.Epoch != p.Epoch:
		return refuse(Fenced, "speaks of placement "+strconv.FormatUint(r.Epoch, 10)+" of pod "+e.Subject.Name+", which is at "+strconv.FormatUint(p.Epoch, 10))
	case e.Actor.Node != p.Node:
		return refuse(Fenced, "pod "+e.Subject.Name+" is placed on "+p.Node)
	case node == nil || node.node().Registration != r.Registration:
		return refuse(Fenced, "node "+p.Node+" has registered anew since")
	case p.Stopped:
		return refuse(Fenced, "the sandbox of pod "+e.Subject.Name+" is gone")
	}
	return Outcome{}
}

// reportOfGone takes the end of a sandbox whose pod was removed by force: its
// address is free only now.
func (s *State) reportOfGone(e *events.Event, r *events.Report) Outcome {
	if e.Type == events.SandboxRemoved {
		for a, c := range s.claims {
			if c.uid == e.UID && c.epoch == r.Epoch && c.node == e.Actor.Node {
				s.release(a)
				return Outcome{}
			}
		}
	}
	return refuse(NotFound, "pod "+e.Subject.Namespace+"/"+e.Subject.Name+" with that uid is gone")
}
