package store

import (
	"bytes"
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
	l, err := s.lister(snap, kind, page.At)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	err = l.walk(page.Namespace, page.After, func(ref events.Ref, at events.Revision) (bool, error) {
		o, err := l.object(ref, at)
		if o == nil || err != nil {
			return err == nil, err
		}
		if page.Limit > 0 && len(list) == page.Limit {
			more = true
			return false, nil
		}
		list = append(list, o)
		return true, nil
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
	if l.versions == nil {
		return nil
	}
	return l.versions.Close()
}

// bounds are a page's part of a space whose keys go on with namespace and name
// after prefix.
func bounds(prefix []byte, namespace string, after events.Ref) (lower, upper []byte) {
	in := func(texts ...string) []byte {
		b := bytes.Clone(prefix)
		for _, t := range texts {
			b = appendText(b, t)
		}
		return b
	}
	lower = prefix
	if namespace != "" {
		lower = in(namespace)
	}
	upper = pastKey(lower)
	if after.Name != "" || after.Namespace != "" {
		if b := pastKey(in(after.Namespace, after.Name)); bytes.Compare(b, lower) > 0 {
			lower = b
		}
	}
	if bytes.Compare(lower, upper) > 0 {
		lower = upper
	}
	return lower, upper
}

// walk calls fn for each that may live, in order, with the revision of its
// last change where that is known: then it lives, else it may not.
func (l *lister) walk(namespace string, after events.Ref, fn func(events.Ref, events.Revision) (bool, error)) (err error) {
	now, err := l.iterate(kindKey(tagNow, l.kind), namespace, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, now.close()) }()
	if !l.past {
		for now.ok && err == nil {
			var h head
			if h, err = now.head(); err == nil {
				now.ok, err = fn(now.ref, h.revision)
				now.step(&err)
			}
		}
		return err
	}
	number, err := l.s.manifest(l.r, l.kind, l.at)
	if err != nil {
		return err
	}
	then, err := l.iterate(birthPrefix(l.kind, number), namespace, after)
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
				h.revision = 0
			}
		}
		if err == nil {
			then.ok, err = fn(then.ref, h.revision)
			then.step(&err)
		}
	}
	return err
}

// object returns what fn of walk was called for; nil where it did not live.
func (l *lister) object(ref events.Ref, at events.Revision) (*view.Object, error) {
	if at != 0 {
		return l.s.object(l.r, ref, at)
	}
	o, err := l.s.objectAt(l.r, l.versions, ref, l.at)
	if errors.Is(err, view.ErrNotFound) {
		return nil, nil
	}
	return o, err
}

// places iterates over keys that end in namespace and name.
type places struct {
	it     *pebble.Iterator
	kind   string
	prefix int
	ref    events.Ref
	ok     bool // ref is one
}

func (l *lister) iterate(prefix []byte, namespace string, after events.Ref) (*places, error) {
	lower, upper := bounds(prefix, namespace, after)
	it, err := l.r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	p := &places{it: it, kind: l.kind, prefix: len(prefix)}
	p.take(it.First(), &err)
	return p, err
}

func (p *places) take(ok bool, err *error) {
	if p.ok = ok; ok {
		if p.ref, *err = splitPlace(p.kind, p.it.Key()[p.prefix:]); *err != nil {
			p.ok = false
		}
	}
}

// step goes on to the next, if there was one and nothing failed.
func (p *places) step(err *error) {
	if p.ok && *err == nil {
		p.take(p.it.Next(), err)
	}
}

// head reads the head in the value, of the now space.
func (p *places) head() (h head, err error) {
	b, err := p.it.ValueAndErr()
	if err != nil {
		return h, err
	}
	r := &reader{b: b}
	h.read(r)
	return h, r.err("the head of %s", p.ref)
}

func (p *places) close() error { return errors.Join(p.it.Error(), p.it.Close()) }

// liveAt gives what lived at a revision, by kind, namespace and name.
func (s *Store) liveAt(at events.Revision) func(pebble.Reader, func(events.Ref, *live) bool) error {
	return func(r pebble.Reader, fn func(events.Ref, *live) bool) error {
		for _, t := range s.tip.Load().tallies {
			on, err := s.kindAt(r.(*pebble.Snapshot), t.kind, at, fn)
			if err != nil || !on {
				return err
			}
		}
		return nil
	}
}

func (s *Store) kindAt(r *pebble.Snapshot, kind string, at events.Revision, fn func(events.Ref, *live) bool) (on bool, err error) {
	l, err := s.lister(r, kind, at)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	on = true
	err = l.walk("", events.Ref{}, func(ref events.Ref, last events.Revision) (bool, error) {
		row, err := l.live(ref, last)
		if err == nil && row != nil {
			on = fn(ref, row)
		}
		return on, err
	})
	return on, err
}

// live gives the row that ref had; nil where it did not live.
func (l *lister) live(ref events.Ref, last events.Revision) (*live, error) {
	if last == 0 {
		if !l.versions.SeekPrefixGE(versionKey(ref, l.at)) {
			return nil, l.versions.Error()
		}
		last = events.Revision(splitFalling(l.versions.Key()))
	}
	v, err := l.s.bodies(l.r, ref, last)
	if err != nil || v.deleted {
		return nil, err
	}
	row := &live{head: v.head}
	from := v
	for c, at := range v.at {
		if at == 0 {
			continue
		}
		if at != from.revision {
			if from, err = l.s.bodies(l.r, ref, at); err != nil {
				return nil, err
			}
		}
		row.take(c, from.column[c])
	}
	return row, nil
}

// scan calls fn for rows in [lower, upper), until it says no or fails.
func scan(r pebble.Reader, lower, upper []byte, fn func(key, value []byte) (bool, error)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		var on bool
		if on, err = fn(it.Key(), value); err != nil || !on {
			break
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}
