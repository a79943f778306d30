package store

import (
	"bytes"
	"errors"
	"fmt"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Walk gives objects that live in one place, see view.Walker: a list makes some
// ten small things for each object and copies its row, a walk makes three.
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
	return l.walk(page.Namespace, page.After, func(ref events.Ref, row *live) (bool, error) {
		var o *view.Object
		var err error
		if row != nil {
			o, err = w.live(ref, row)
		} else {
			o, err = l.object(ref, nil)
		}
		if o == nil || err != nil {
			return err == nil, err
		}
		return fn(o)
	})
}

// walker is a lister whose objects take each other's place.
type walker struct {
	*lister
	bare   bool
	shown  view.Object
	parts  [2]events.Part // spec and status
	slab   []byte         // the rows that they are in
	bodies bodies
}

// live puts a live object together, as fetcher.live does, past the cache.
func (w *walker) live(ref events.Ref, l *live) (_ *view.Object, err error) {
	o := &w.shown
	*o = view.Object{Ref: ref, UID: l.uid, Revision: l.revision, Written: l.written, Created: l.created}
	if !w.bare && l.at[digest.Facts] != 0 {
		if o.Facts, err = events.DecodeFacts(bytes.Clone(l.facts)); err != nil {
			return nil, fmt.Errorf("store: the row of %s: %w", ref, err)
		}
	}
	if !w.bare && l.at[digest.Projected] != 0 {
		if o.Projected, err = fold.DecodeProjected(bytes.Clone(l.projected)); err != nil {
			return nil, fmt.Errorf("store: the row of %s: %w", ref, err)
		}
	}
	w.slab = w.slab[:0]
	w.bodies.revision = 0
	bodies := [...]int{digest.Spec, digest.Status}
	if l.at[digest.Status] > l.at[digest.Spec] { // versions fall: the newer one comes first
		bodies = [...]int{digest.Status, digest.Spec}
	}
	for _, c := range bodies {
		if l.at[c] == 0 {
			continue
		}
		if err := w.part(ref, c, l.at[c]); err != nil {
			return nil, fmt.Errorf("store: version %d of %s: %w", l.at[c], ref, err)
		}
	}
	return o, nil
}

// part reads a part of the version that holds it. A row is gone with the next
// one, so the slab holds them until the object is.
func (w *walker) part(ref events.Ref, c int, at events.Revision) error {
	if w.bodies.revision != at {
		row, err := w.lent(ref, at)
		if err != nil {
			return err
		}
		w.slab = append(w.slab, row...)
		if err := w.bodies.read(w.slab[len(w.slab)-len(row):]); err != nil {
			return err
		}
	}
	p := &w.parts[c-digest.Spec]
	*p = events.Part{}
	if c == digest.Spec {
		w.shown.Spec = p
	} else {
		w.shown.Status = p
	}
	return wire.Decode(w.bodies.column[c], p)
}
