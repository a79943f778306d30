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
		lived := row != nil
		if !lived {
			if lived, err = l.lived(ref); err != nil {
				return false, err
			}
		}
		if lived {
			n++
		}
		return true, nil
	})
	return n, err
}

// lived reports whether ref lived then, by the head of its last version alone.
func (l *lister) lived(ref events.Ref) (bool, error) {
	if !l.walks.SeekGE(versionKey(ref, l.at)) || !isVersionOf(l.walks.Key(), ref) {
		return false, l.walks.Error()
	}
	b, err := l.walks.ValueAndErr()
	if err != nil {
		return false, err
	}
	v, err := readBodies(b)
	if err != nil {
		return false, err
	}
	return !v.deleted, nil
}
