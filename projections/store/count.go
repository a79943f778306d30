package store

import (
	"errors"

	"cairn/events"
	"cairn/projections/view"
)

// Count returns how many objects of a kind follow on a page and after it,
// whatever its limit. None of them is put together.
func (s *Store) Count(kind string, page view.Page) (n int, err error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	if kind == events.Events {
		err = s.listEvents(snap, page, func(*view.Object) bool { n++; return true })
		return n, err
	}
	l, err := s.lister(snap, kind, page.At)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	err = l.walk(page.Namespace, page.After, func(ref events.Ref, row *live) (bool, error) {
		if row == nil {
			v, err := l.last(l.walks, ref, l.at)
			if err != nil || v == nil || v.deleted {
				return err == nil, err
			}
		}
		n++
		return true, nil
	})
	return n, err
}
