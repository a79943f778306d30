package store

import (
	"errors"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// List returns objects of a kind by namespace and name, and whether more follow.
// A moment beyond the position is now: Wait for it first.
//
// Now, it walks the now space. In the past it walks the manifest of then, and
// beside it the now space: what has not changed since is taken from there, of
// the rest the versions say whether it lived. Either way a page seeks to where
// it begins and holds no more than itself.
func (s *Store) List(kind string, page view.Page) (list []*view.Object, more bool, err error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	take := func(o *view.Object) bool {
		if page.Limit > 0 && len(list) == page.Limit {
			more = true
			return false
		}
		list = append(list, o)
		return true
	}
	if kind == events.Events {
		return list, more, s.listEvents(snap, page, take)
	}
	l, err := s.lister(snap, kind, page.At)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	err = l.walk(page.Namespace, page.After, func(ref events.Ref, row *live) (bool, error) {
		o, err := l.object(ref, row)
		if o == nil || err != nil {
			return err == nil, err
		}
		return take(o), nil
	})
	return list, more, err
}

// lister walks a kind as of a moment.
type lister struct {
	*fetcher
	kind string
	at   events.Revision
	past bool
}

func (s *Store) lister(r *pebble.Snapshot, kind string, at events.Revision) (*lister, error) {
	t, err := readTip(r)
	if err != nil {
		return nil, err
	}
	l := &lister{fetcher: s.fetch(r), kind: kind, at: at.Last(), past: at != 0 && at.Last() < t.Revision()}
	l.walks, err = s.versions(r)
	return l, err
}

func (l *lister) close() error { return l.walks.Close() }

// walk calls fn for each that may live, in order, with its row where it lives
// and has not changed since; else versions say.
func (l *lister) walk(namespace string, after events.Ref, fn func(events.Ref, *live) (bool, error)) (err error) {
	now, err := iterate(l.r, l.kind, kindKey(tagNow, l.kind), namespace, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, now.close()) }()
	var row live
	if !l.past {
		for now.ok && err == nil {
			if err = now.live(&row); err == nil {
				now.ok, err = fn(now.ref, &row)
				now.step(&err)
			}
		}
		return err
	}
	number, err := l.s.manifest(l.r, l.kind, l.at)
	if err != nil {
		return err
	}
	then, err := iterate(l.r, l.kind, birthPrefix(l.kind, number), namespace, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, then.close()) }()
	for then.ok && err == nil {
		for now.ok && now.ref.Compare(then.ref) < 0 {
			now.step(&err)
		}
		var same *live
		if now.ok && now.ref == then.ref {
			if err = now.live(&row); row.revision <= l.at {
				same = &row
			}
		}
		if err == nil {
			then.ok, err = fn(then.ref, same)
			then.step(&err)
		}
	}
	return err
}

// object returns what fn of walk was called for; nil where it did not live.
func (l *lister) object(ref events.Ref, row *live) (*view.Object, error) {
	if row != nil {
		return l.live(ref, row)
	}
	return l.then(l.walks, ref, l.at)
}
