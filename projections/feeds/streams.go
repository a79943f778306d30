package feeds

import (
	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// assignments streams the pods of a node.
type assignments struct {
	cell follower.Cell
	node string
	pods *Pods
	emit func(node string, e feed.AssignmentEntry) error
}

func (s *assignments) start(at view.Position) error {
	s.pods = NewPods(at.R0, s.node)
	return each(s.cell, events.Pods, at.Revision(), func(o *view.Object) error {
		for _, x := range s.pods.Set(o) {
			if x.Entry.Pod != nil && x.Entry.Pod.Deleting != 0 {
				x.Entry.Pod.Why = s.whoDeletes(o.Ref, at.Offset)
			}
			if err := s.emit(x.Node, *x.Entry); err != nil {
				return err
			}
		}
		return nil
	})
}

// take also marks once the node's own registration is folded: the daemon that
// has just registered waits for nothing else.
func (s *assignments) take(r *fold.Result) (mark bool, err error) {
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Ref.Kind == events.Nodes && c.Ref.Name == s.node && r.Event.Type == events.NodeRegistered {
			mark = true
		}
		if c.Ref.Kind != events.Pods {
			continue
		}
		list, err := s.pod(c)
		if err != nil {
			return false, err
		}
		for _, x := range list {
			if x.Entry.Pod != nil && x.Entry.Pod.Deleting != 0 && x.Entry.Pod.Why == "" {
				x.Entry.Pod.Why = whoAsks(r)
			}
			if err := s.emit(x.Node, *x.Entry); err != nil {
				return false, err
			}
			mark = true
		}
	}
	return mark, nil
}

func (s *assignments) pod(c *fold.Change) ([]Placed, error) {
	if c.Deleted {
		return s.pods.Remove(c.Ref, c.UID, c.Revision), nil
	}
	o := objectOf(c)
	node := NodeOf(o)
	if node != "" && (s.node == "" || node == s.node) && o.Spec == nil && !s.pods.Has(c.Ref, c.UID) {
		whole, err := s.cell.Get(c.Ref, c.Revision)
		if err != nil {
			return nil, err
		}
		o = whole
	}
	return s.pods.Set(o), nil
}

func (s *assignments) mark(o events.Offset) error {
	return s.emit("", feed.AssignmentEntry{Offset: o, Mark: true})
}

// whoDeletes finds who asked for a pod's deletion; empty where the view can't tell.
func (s *assignments) whoDeletes(ref events.Ref, upTo events.Offset) string {
	offsets, err := s.cell.Touching(ref, 0, upTo+1, 0)
	if err != nil {
		return ""
	}
	for i := len(offsets) - 1; i >= 0; i-- {
		rec, err := s.cell.Record(offsets[i])
		if err == nil && rec.Subject == ref && rec.Outcome.Accepted() && asksForDeletion(rec.Type) {
			return rec.Actor
		}
	}
	return ""
}

func whoAsks(r *fold.Result) string {
	if !asksForDeletion(r.Event.Type) {
		return ""
	}
	if r.Event.Reason == "" {
		return r.Event.Actor.Who()
	}
	return r.Event.Actor.Who() + ": " + r.Event.Reason
}

func asksForDeletion(t events.Type) bool {
	return t == events.DeletionRequested || t == events.PodEvicted || t == events.ObjectDeleted
}

// vips streams a cell's services.
type vips struct {
	cell     follower.Cell
	services *Services
	emit     func(feed.VIPEntry) error
}

func (s *vips) start(at view.Position) error {
	s.services = NewServices(at.R0)
	for _, kind := range VIPKinds() {
		err := each(s.cell, kind, at.Revision(), func(o *view.Object) error {
			s.services.Set(o)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return each(s.cell, events.Services, at.Revision(), func(o *view.Object) error {
		if e := s.services.Entry(o.Ref, events.NoOffset); e != nil {
			return s.emit(*e)
		}
		return nil
	})
}

func (s *vips) take(r *fold.Result) (mark bool, err error) {
	for _, service := range s.touched(r) {
		if e := s.services.Entry(service, r.Offset); e != nil {
			if err := s.emit(*e); err != nil {
				return false, err
			}
			mark = true
		}
	}
	return mark, nil
}

// touched takes all changes of a record before any entry is derived: a service
// and its endpoints change together.
func (s *vips) touched(r *fold.Result) (list []events.Ref) {
	seen := map[events.Ref]bool{}
	for i := range r.Changes {
		var some []events.Ref
		if c := &r.Changes[i]; c.Deleted {
			some = s.services.Remove(c.Ref)
		} else {
			some = s.services.Set(objectOf(c))
		}
		for _, ref := range some {
			if !seen[ref] {
				seen[ref] = true
				list = append(list, ref)
			}
		}
	}
	return list
}

func (s *vips) mark(o events.Offset) error { return s.emit(feed.VIPEntry{Offset: o, Mark: true}) }
