package fold

import (
	"strconv"

	"cairn/events"
)

// put replaces or adds an object, and keeps what it was before the record.
func (s *State) put(o *object) {
	old := s.at(o.ref)
	if _, touched := s.step.before[o.ref]; !touched {
		s.step.before[o.ref] = old
	}
	s.objects[o.ref] = o
	s.reindex(old, o)
	s.markStale(old, o)
}

func (s *State) remove(ref events.Ref) {
	old := s.at(ref)
	if old == nil {
		return
	}
	if _, touched := s.step.before[ref]; !touched {
		s.step.before[ref] = old
	}
	delete(s.objects, ref)
	s.reindex(old, nil)
	s.markStale(old, nil)
	if old.facts != nil && old.facts.Pod != nil {
		s.abandon(old)
	}
}

func (s *State) create(e *events.Event) Outcome {
	ref := e.Subject
	if ref.Kind == "" || ref.Name == "" || e.UID == "" || e.Part(events.Spec) == nil || ref.Kind == events.Events || ref.Kind == events.Servers {
		return incomplete(e)
	}
	if o := s.checkNamespace(ref); !o.Accepted() {
		return o
	}
	if old := s.at(ref); old != nil {
		return refuse(Exists, ObjectExists, ref.String())
	}
	o := &object{ref: ref, uid: e.UID, facts: factsOf(e)}
	if svc := e.Facts.Service; svc != nil {
		if refused := s.checkEndpoints(ref, svc); !refused.Accepted() {
			return refused
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
	s.emitCreated(e)
	return Outcome{}
}

// factsOf copies the facts out of a record, so that an object that lives long
// does not keep the bodies that came with it in memory.
func factsOf(e *events.Event) *events.Facts {
	f := e.Facts
	return &f
}

// checkEndpoints refuses a selector where a user's own Endpoints stand already.
func (s *State) checkEndpoints(ref events.Ref, svc *events.Service) Outcome {
	if own := s.at(endpointsRef(ref)); len(svc.Selector) > 0 && own != nil && own.facts != nil {
		return refuse(Exists, OwnEndpoints, own.ref.String())
	}
	return Outcome{}
}

func (s *State) checkNamespace(ref events.Ref) Outcome {
	if ref.Namespace == "" {
		return Outcome{}
	}
	ns := s.at(events.Ref{Kind: events.Namespaces, Name: ref.Namespace})
	if ns == nil {
		return refuse(NotFound, NoNamespace, ref.Namespace)
	}
	if ns.facts.Deleting != 0 {
		return refuse(Terminating, NamespaceEnding, ref.Namespace)
	}
	return Outcome{}
}

// subject finds the record's subject and checks its preconditions.
func (s *State) subject(e *events.Event) (*object, Outcome) {
	o := s.at(e.Subject)
	if o == nil {
		return nil, refuse(NotFound, NoObject, e.Subject.String())
	}
	if e.Require.UID != "" && e.Require.UID != o.uid || e.UID != "" && e.UID != o.uid {
		return nil, refuse(Moved, OtherUID, e.Subject.String())
	}
	if e.Require.Written != 0 && e.Require.Written != o.written {
		return nil, refuse(Moved, OtherRevision, e.Subject.String(), o.written.String(), e.Require.Written.String())
	}
	return o, Outcome{}
}

func (s *State) update(e *events.Event) Outcome {
	old, refused := s.subject(e)
	if !refused.Accepted() {
		return refused
	}
	if old.facts == nil {
		return invalid("metadata.name", Rendered, e.Subject.String())
	}
	if e.Type == events.DeletionRequested && e.Facts.Deleting == 0 {
		return incomplete(e)
	}
	if old.facts.Deleting != 0 && e.Facts.Deleting == 0 {
		return invalid("metadata.deletionTimestamp", NoReturn)
	}
	o := *old
	o.facts = factsOf(e)
	if svc := e.Facts.Service; svc != nil {
		if refused := s.checkEndpoints(e.Subject, svc); !refused.Accepted() {
			return refused
		}
		state, refused := s.serviceAddresses(e.Subject, svc, old)
		if !refused.Accepted() {
			return refused
		}
		o.projected = &Projected{Service: state}
	}
	s.write(e, &o)
	s.emitUpdated(e, old, &o)
	if e.Facts.Pod != nil && released(&o) {
		s.remove(o.ref)
	}
	return Outcome{}
}

// released reports whether nothing holds a deleting pod any more: neither a
// node nor a finalizer.
func released(o *object) bool {
	p := o.pod()
	return o.facts.Deleting != 0 && len(o.facts.Finalizers) == 0 && p.Placed != 0 && p.Stopped
}

// write puts the subject as the record wants it.
func (s *State) write(e *events.Event, o *object) {
	s.step.written = o.ref
	s.step.parts = [2]*events.Part{e.Part(events.Spec), e.Part(events.Status)}
	s.put(o)
}

// delete removes an object at once. Finalizers can only be taken off what is
// being deleted, and whoever took off the last one deletes instead of writing:
// so an object that still has some goes only from there.
func (s *State) delete(e *events.Event) Outcome {
	o, refused := s.subject(e)
	switch {
	case !refused.Accepted():
		return refused
	case o.facts == nil:
		return invalid("metadata.name", Rendered, e.Subject.String())
	case len(o.facts.Finalizers) > 0 && o.facts.Deleting == 0:
		return invalid("metadata.finalizers", HasFinalizers, e.Subject.String(), o.facts.Finalizers[0])
	}
	if e.Subject.Kind == events.Namespaces {
		if n := s.held[e.Subject.Name]; n > 0 {
			return refuse(NotEmpty, NamespaceHolds, e.Subject.Name, strconv.Itoa(n))
		}
	}
	s.step.written = e.Subject
	s.emitDeleted(e, o)
	s.remove(e.Subject)
	if e.Subject.Kind == events.Nodes {
		s.forgetNode(e.Subject.Name)
	}
	return Outcome{}
}
