package fold

import (
	"strconv"

	"cairn/events"
)

// Events are told by the fold itself, from records that have a cause and an
// actor; they are rows of the view and no part of the fold's state.

func (s *State) tell1(o *object, warning bool, reason, message string) {
	s.step.told = append(s.step.told, EventState{Regarding: o.ref, RegardingUID: o.uid, Reason: reason, Message: message,
		Warning: warning, Component: s.step.event.Actor.Who(), Time: s.time, Offset: s.last})
}

func (s *State) tellIncident(o *object, i events.Incident) {
	s.tell1(o, i.Warning, i.Reason, i.Message)
	s.step.told[len(s.step.told)-1].Container = i.Container
}

// owner finds the live object that controls f's object.
func (s *State) owner(namespace string, f *events.Facts) *object {
	c := controller(f)
	if c == nil {
		return nil
	}
	o := s.objects[events.Ref{Kind: c.Kind, Namespace: namespace, Name: c.Name}]
	if o == nil || o.uid != c.UID {
		return nil
	}
	return o
}

func (s *State) tellCreated(e *events.Event) {
	if owner := s.owner(e.Subject.Namespace, &e.Facts); owner != nil && e.Actor.Reconciler != "" {
		switch {
		case e.Facts.Pod != nil:
			s.tell1(owner, false, "SuccessfulCreate", "Created pod: "+e.Subject.Name+because(e.Reason))
		case e.Facts.Workload != nil:
			s.tell1(owner, false, "ScalingReplicaSet", "Scaled up replica set "+e.Subject.Name+" from 0 to "+strconv.FormatUint(e.Facts.Workload.Replicas, 10)+because(e.Reason))
		}
	}
}

func (s *State) tellUpdated(e *events.Event, old, now *object) {
	owner := s.owner(e.Subject.Namespace, now.facts)
	if e.Type == events.DeletionRequested || e.Type == events.PodEvicted {
		if old.facts.Deleting == 0 && now.facts.Pod != nil {
			s.tellEnding(e, now, owner)
		}
		return
	}
	a, b := old.facts.Workload, now.facts.Workload
	if owner == nil || a == nil || b == nil || a.Replicas == b.Replicas || e.Actor.Reconciler == "" {
		return
	}
	verb := "up"
	if b.Replicas < a.Replicas {
		verb = "down"
	}
	s.tell1(owner, false, "ScalingReplicaSet", "Scaled "+verb+" replica set "+e.Subject.Name+" from "+
		strconv.FormatUint(a.Replicas, 10)+" to "+strconv.FormatUint(b.Replicas, 10)+because(e.Reason))
}

// tellEnding tells who asked for a pod's end, on the pod and on its owner.
func (s *State) tellEnding(e *events.Event, pod, owner *object) {
	reason, verb := "Killing", "Deletion"
	if e.Type == events.PodEvicted {
		reason, verb = "Evicted", "Eviction"
	}
	s.tell1(pod, false, reason, verb+" asked for by "+e.Actor.Who()+because(e.Reason))
	if owner != nil && e.Actor.Reconciler != "" {
		s.tell1(owner, false, "SuccessfulDelete", "Deleted pod: "+e.Subject.Name+because(e.Reason))
	}
}

func (s *State) tellDeleted(e *events.Event, o *object) {
	if o.facts.Pod == nil || o.facts.Deleting != 0 {
		return
	}
	s.tellEnding(e, o, s.owner(e.Subject.Namespace, o.facts))
}

// tell turns what was told into changes of kind events, named after the record.
func (s *State) tell() []Change {
	var list []Change
	for i := range s.step.told {
		t := s.step.told[i]
		ns := t.Regarding.Namespace
		if ns == "" {
			ns = "default"
		}
		name := t.Regarding.Name + "." + strconv.FormatUint(uint64(s.last)<<8|uint64(i), 16)
		list = append(list, Change{
			Ref: events.Ref{Kind: events.Events, Namespace: ns, Name: name}, UID: derivedUID(t.RegardingUID, name),
			Projected: &Projected{Event: &t}, ProjectedChanged: true,
		})
	}
	return list
}
