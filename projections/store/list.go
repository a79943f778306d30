package store

import (
	"bytes"
	"errors"
	"fmt"

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
	err = l.walk(page.Namespace, page.After, func(ref events.Ref, h *head) (bool, error) {
		o, err := l.object(ref, h.revision)
		if o == nil || err != nil {
			return err == nil, err
		}
		return take(o), nil
	})
	return list, more, err
}

// lister walks a kind as of a moment.
type lister struct {
	s        *Store
	r        *pebble.Snapshot
	kind     string
	at       events.Revision
	past     bool
	versions *pebble.Iterator // nil: now
	rows     *pebble.Iterator // see version; nil: not used yet
	key      []byte           // of the row looked for
}

func (s *Store) lister(r *pebble.Snapshot, kind string, at events.Revision) (*lister, error) {
	t, err := readTip(r)
	if err != nil {
		return nil, err
	}
	l := &lister{s: s, r: r, kind: kind, at: at.Last(), past: at != 0 && at.Last() < t.Revision()}
	if l.past {
		l.versions, err = s.versions(r)
	}
	return l, err
}

func (l *lister) close() error {
	var err error
	for _, it := range []*pebble.Iterator{l.versions, l.rows} {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	return err
}

// walk calls fn for each that may live, in order, with the head of its last
// change where that is known: then it lives, else the head is empty and it may
// not.
func (l *lister) walk(namespace string, after events.Ref, fn func(events.Ref, *head) (bool, error)) (err error) {
	now, err := iterate(l.r, l.kind, kindKey(tagNow, l.kind), namespace, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, now.close()) }()
	if !l.past {
		for now.ok && err == nil {
			var h head
			if h, err = now.head(); err == nil {
				now.ok, err = fn(now.ref, &h)
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
		var h head
		if now.ok && now.ref == then.ref {
			if h, err = now.head(); h.revision > l.at {
				h = head{}
			}
		}
		if err == nil {
			then.ok, err = fn(then.ref, &h)
			then.step(&err)
		}
	}
	return err
}

// object returns what fn of walk was called for; nil where it did not live.
func (l *lister) object(ref events.Ref, at events.Revision) (*view.Object, error) {
	if at != 0 {
		v, err := l.version(ref, at)
		if err != nil {
			return nil, err
		}
		return assemble(ref, v, l.version)
	}
	o, err := l.s.objectAt(l.r, l.versions, ref, l.at)
	if errors.Is(err, view.ErrNotFound) {
		return nil, nil
	}
	return o, err
}

// version is Store.version for one who walks: rows are asked for in order, so
// an iterator finds the next one close to the last. The cache is left alone: a
// walk would fill it with what nobody asks for again.
func (l *lister) version(ref events.Ref, at events.Revision) (*version, error) {
	row, err := l.row(ref, at)
	if err != nil {
		return nil, err
	}
	v, err := decodeVersion(ref.Kind, bytes.Clone(row))
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return v, nil
}

// row finds a version's row; it is good until the next is asked for.
func (l *lister) row(ref events.Ref, at events.Revision) ([]byte, error) {
	if l.rows == nil {
		var err error
		if l.rows, err = l.s.versions(l.r); err != nil {
			return nil, err
		}
	}
	l.key = falling(appendRefKey(l.key[:0], tagVersion, ref), uint64(at))
	if !l.rows.SeekGE(l.key) || !bytes.Equal(l.rows.Key(), l.key) {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, errors.Join(pebble.ErrNotFound, l.rows.Error()))
	}
	row, err := l.rows.ValueAndErr()
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return row, nil
}
