package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/view"
)

// Walk gives objects that live in one place, see view.Walker: a list of all of
// a kind makes some ten small things for each object, and this one three.
func (s *Store) Walk(kind string, page view.Page, fn func(*view.Object) (bool, error)) (err error) {
	snap := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	if kind == events.Events {
		var failed error
		err := s.listEvents(snap, page, func(o *view.Object) (on bool) {
			on, failed = fn(o)
			return on && failed == nil
		})
		return errors.Join(err, failed)
	}
	l, err := s.lister(snap, kind, page.At)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	w := &walker{lister: l, bare: page.Bare}
	return l.walk(page.Namespace, page.After, func(ref events.Ref, h *head) (bool, error) {
		var o *view.Object
		var err error
		if h.revision != 0 {
			o, err = w.at(ref, h)
		} else {
			o, err = l.object(ref, 0)
		}
		if o == nil || err != nil {
			return err == nil, err
		}
		return fn(o)
	})
}

// Count says how many objects a page holds, see view.Walker.
func (s *Store) Count(kind string, page view.Page) (n int, err error) {
	full := func() bool { return page.Limit > 0 && n == page.Limit }
	if kind == events.Events {
		err = s.Walk(kind, page, func(*view.Object) (bool, error) { n++; return !full(), nil })
		return n, err
	}
	snap := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	l, err := s.lister(snap, kind, page.At)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	err = l.walk(page.Namespace, page.After, func(ref events.Ref, h *head) (bool, error) {
		if h.revision == 0 {
			if o, err := l.object(ref, 0); o == nil || err != nil {
				return err == nil, err
			}
		}
		n++
		return !full(), nil
	})
	return n, err
}

// walker is a lister whose objects take each other's place.
type walker struct {
	*lister
	bare   bool
	object view.Object
	parts  [2]events.Part // spec and status
	slab   []byte         // the rows it is made of
	bodies bodies
}

// at puts the object together whose last version has this head.
func (w *walker) at(ref events.Ref, h *head) (*view.Object, error) {
	o := &w.object
	*o = view.Object{Ref: ref, UID: h.uid, Revision: h.revision, Written: h.written, Created: h.created}
	w.slab = w.slab[:0]
	var read events.Revision // of bodies
	for c, from := range h.at {
		if from == 0 || w.bare && (c == digest.Facts || c == digest.Projected) {
			continue
		}
		if from != read {
			row, err := w.row(ref, from)
			if err != nil {
				return nil, err
			}
			// A row is gone with the next one, and spec may stand in another
			// than status: the slab holds both.
			w.slab = append(w.slab, row...)
			if err := w.bodies.read(w.slab[len(w.slab)-len(row):]); err != nil {
				return nil, err
			}
			read = from
		}
		if err := w.give(c, w.bodies.column[c]); err != nil {
			return nil, fmt.Errorf("store: version %d of %s: column %d: %w", from, ref, c, err)
		}
	}
	return o, nil
}

func (w *walker) give(c int, body []byte) error {
	switch c {
	case digest.Spec:
		w.object.Spec = &w.parts[0]
	case digest.Status:
		w.object.Status = &w.parts[1]
	default:
		var v version
		if err := v.decode(c, body); err != nil {
			return err
		}
		v.give(&w.object, c)
		return nil
	}
	p := &w.parts[c-digest.Spec]
	*p = events.Part{}
	return wire.Decode(body, p)
}
