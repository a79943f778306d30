package fold

import "cairn/events"

// put replaces or adds an object, and keeps what it was before the record.
func (s *State) put(o *object) {
	old := s.objects[o.ref]
	if _, touched := s.step.before[o.ref]; !touched {
		s.step.before[o.ref] = old
	}
	s.objects[o.ref] = o
	s.reindex(old, o)
	s.markStale(old, o)
}

func (s *State) remove(ref events.Ref) {
	old := s.objects[ref]
	if old == nil {
		return
	}
	if _, touched := s.step.before[ref]; !touched {
		s.step.before[ref] = old
	}
	delete(s.objects, ref)
	s.reindex(old, nil)
	s.markStale(old, nil)
}

func (s *State) create(e *events.Event) Outcome {
	ref := e.Subject
	if ref.Kind == "" || ref.Name == "" || e.UID == "" || e.Part(events.Spec) == nil || ref.Kind == events.Events {
		return refuse(Malformed, "object.created needs a kind, a name, a uid and a body")
	}
	if o := s.checkNamespace(ref); !o.Accepted() {
		return o
	}
	if old := s.objects[ref]; old != nil {
		return refuse(Exists, ref.String()+" exists")
	}
	o := &object{ref: ref, uid: e.UID, facts: &e.Facts}
	if svc := e.Facts.Service; svc != nil {
		if len(svc.Selector) > 0 && s.objects[endpointsRef(ref)] != nil {
			return refuse(Exists, endpointsRef(ref).String()+" exists and is not this service's")
		}
		state, refused := s.serviceAddresses(ref, svc, nil)
		if !refused.Accepted() {
			return refused
		}
		o.projected = &Projected{Service: state}
	}
	if e.Facts.Pod != nil {
		o.projected = &Projected{Pod: &PodState{}}
	}
	s.write(e, o)
	s.tellCreated(e)
	return Outcome{}
}

func (s *State) checkNamespace(ref events.Ref) Outcome {
	if ref.Namespace == "" {
		return Outcome{}
	}
	ns := s.objects[events.Ref{Kind: events.Namespaces, Name: ref.Namespace}]
	if ns == nil {
		return refuse(NotFound, "namespace "+ref.Namespace+" does not exist")
	}
	if ns.facts.Deleting != 0 {
		return refuse(Terminating, "namespace "+ref.Namespace+" is being terminated")
	}
	return Outcome{}
}

// subject finds the record's subject and checks its preconditions.
func (s *State) subject(e *events.Event) (*object, Outcome) {
	o := s.objects[e.Subject]
	if o == nil {
		return nil, refuse(NotFound, e.Subject.String()+" does not exist")
	}
	if e.Require.UID != "" && e.Require.UID != o.uid || e.UID != "" && e.UID != o.uid {
		return nil, refuse(Moved, e.Subject.String()+" is another object of that name now")
	}
	if e.Require.Written != 0 && e.Require.Written != o.written {
		return nil, refuse(Moved, e.Subject.String()+" was written at revision "+o.written.String()+", not at "+e.Require.Written.String())
	}
	return o, Outcome{}
}

func (s *State) update(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if old.facts == nil {
		return invalid("metadata.name", e.Subject.String()+" is rendered from its service; change the service")
	}
	if e.Type == events.DeletionRequested && e.Facts.Deleting == 0 {
		return refuse(Malformed, "deletion.requested without a deletion time")
	}
	if old.facts.Deleting != 0 && e.Facts.Deleting == 0 {
		return invalid("metadata.deletionTimestamp", "can't be taken back")
	}
	o := *old
	o.facts = &e.Facts
	if svc := e.Facts.Service; svc != nil {
		state, refused := s.serviceAddresses(e.Subject, svc, old)
		if !refused.Accepted() {
			return refused
		}
		o.projected = &Projected{Service: state}
	}
	s.write(e, &o)
	s.tellUpdated(e, old, &o)
	if e.Facts.Pod != nil && s.finished(&o) {
		s.remove(o.ref)
	}
	return Outcome{}
}

// finished tells whether nothing holds a deleting pod any more: neither a node nor a finalizer.
func (s *State) finished(o *object) bool {
	p := o.pod()
	return o.facts.Deleting != 0 && len(o.facts.Finalizers) == 0 && p.Placed != 0 && p.Stopped
}

// write puts the subject as the record wants it.
func (s *State) write(e *events.Event, o *object) {
	s.step.written = o.ref
	s.step.parts[o.ref] = [2]*events.Part{e.Part(events.Spec), e.Part(events.Status)}
	s.put(o)
}

func (s *State) delete(e *events.Event) Outcome {
	o, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if o.facts == nil {
		return invalid("metadata.name", e.Subject.String()+" is rendered from its service; delete the service")
	}
	if e.Subject.Kind == events.Namespaces {
		if n := s.held[e.Subject.Name]; n > 0 {
			return refuse(NotEmpty, "namespace "+e.Subject.Name+" still holds objects")
		}
	}
	s.step.written = e.Subject
	s.remove(e.Subject)
	if e.Subject.Kind == events.Nodes {
		s.dropShare(e.Subject.Name)
	}
	s.tellDeleted(e, o)
	return Outcome{}
}
