package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// getEvent returns an Event as of a moment; 0: now.
func (s *Store) getEvent(ref events.Ref, at events.Revision) (o *view.Object, err error) {
	if at = at.Last(); at == events.MaxOrdinal {
		at = latest
	}
	it, err := s.versions(s.db)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	v, err := s.fetch(s.db).last(it, ref, at)
	if err != nil {
		return nil, err
	}
	if v != nil {
		a, err := s.aliveAt(s.db, at)
		if err != nil {
			return nil, err
		}
		if lives, err := a.lives(v, ref.Namespace); err != nil || lives {
			return v.asEvent(ref), err
		}
	}
	return nil, fmt.Errorf("%w: %s", view.ErrNotFound, ref)
}

func (v *version) asEvent(ref events.Ref) *view.Object {
	return &view.Object{Ref: ref, UID: v.uid, Revision: v.revision, Written: v.written, Created: v.created, Event: v.event}
}

// listEvents gives the Events of a page to take, until it says no.
func (s *Store) listEvents(r pebble.Reader, page view.Page, take func(*view.Object) bool) (err error) {
	at := page.At.Last()
	if page.At == 0 {
		at = latest
	}
	a, err := s.aliveAt(r, at)
	if err != nil {
		return err
	}
	it, err := s.versions(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	f := &fetcher{s: s, r: r, walks: it}
	m := &merged{r: r, after: page.After}
	for t := a.floor; t <= a.time; t += int64(view.EventStep) {
		m.add(t, page.Namespace)
	}
	return m.walk(func(ref events.Ref, last events.Revision) (bool, error) {
		if end, err := a.ended(ref.Namespace); err != nil || last < end {
			return true, err
		}
		v, err := f.last(it, ref, at)
		if v == nil || err != nil {
			return true, err
		}
		lives, err := a.lives(v, ref.Namespace)
		if !lives || err != nil {
			return true, err
		}
		return take(v.asEvent(ref)), nil
	})
}

// merged walks the series of several stretches of ledger time, by namespace
// and name, each once.
type merged struct {
	r     pebble.Reader
	after events.Ref
	from  []*places
	err   error
}

// add takes the stretch that t falls into; namespace empty: all of it.
func (m *merged) add(t int64, namespace string) {
	if t < 0 || m.err != nil {
		return
	}
	p, err := iterate(m.r, events.Events, latelyPrefix(t), namespace, m.after)
	if m.err = err; p != nil {
		m.from = append(m.from, p)
	}
}

// walk calls fn for each with the revision of its last occurrence in any of
// the stretches, until it says no or fails.
func (m *merged) walk(fn func(ref events.Ref, last events.Revision) (bool, error)) error {
	err := m.err
	for on := true; on && err == nil; {
		var next *places
		for _, p := range m.from {
			if p.ok && (next == nil || p.ref.Compare(next.ref) < 0) {
				next = p
			}
		}
		if next == nil {
			break
		}
		ref := next.ref
		var last events.Revision
		for _, p := range m.from {
			if p.ok && p.ref == ref && err == nil {
				var row []byte
				if row, err = p.it.ValueAndErr(); len(row) == 8 {
					last = max(last, events.Revision(binary.BigEndian.Uint64(row)))
				}
				p.step(&err)
			}
		}
		if err == nil {
			on, err = fn(ref, last)
		}
	}
	for _, p := range m.from {
		err = errors.Join(err, p.close())
	}
	return err
}
