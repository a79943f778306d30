package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// List returns objects of a kind by namespace and name, and whether more follow.
// A moment beyond the position is now: Wait for it first.
//
// Now, it walks the now space. In the past there are two ways to what lived
// then: take what lives now and add what changed since, when that is little;
// else take the last manifest before the moment and add what changed between.
// Both give candidates; whether one lived, its versions say.
func (s *Store) List(kind string, page view.Page) (list []*view.Object, more bool, err error) {
	snap := s.db.NewSnapshot()
	defer snap.Close()
	t, err := readTip(snap)
	if err != nil {
		return nil, false, err
	}
	l := &lister{s: s, r: snap, kind: kind, page: page, at: page.At.Last()}
	if l.it, err = s.versions(snap); err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, l.it.Close()) }()
	if page.At == 0 || l.at >= t.Revision() {
		l.at = t.Revision()
		err = l.fromNow(nil)
		return l.out, l.more, err
	}
	changed, few, err := l.changed(l.at+1, t.Revision(), s.every)
	switch {
	case err != nil:
	case few:
		err = l.fromNow(changed)
	default:
		err = l.fromManifest()
	}
	return l.out, l.more, err
}

// lister makes one list.
type lister struct {
	s    *Store
	r    *pebble.Snapshot
	it   *pebble.Iterator // over versions
	kind string
	page view.Page
	at   events.Revision

	out    []*view.Object
	more   bool
	failed error
}

// bounds are the page's part of a space that is keyed by ref.
func (l *lister) bounds() (lower, upper []byte) {
	prefix := kindKey(tagNow, l.kind)
	if l.page.Namespace != "" {
		prefix = namespaceKey(tagNow, l.kind, l.page.Namespace)
	}
	lower, upper = prefix, pastKey(prefix)
	if a := l.page.After; a.Name != "" || a.Namespace != "" {
		after := pastKey(refKey(tagNow, events.Ref{Kind: l.kind, Namespace: a.Namespace, Name: a.Name}))
		if bytes.Compare(after, lower) > 0 {
			lower = after
		}
	}
	return lower, upper
}

// wanted tells whether ref lies on the page or after it.
func (l *lister) wanted(ref events.Ref) bool {
	a := events.Ref{Kind: l.kind, Namespace: l.page.After.Namespace, Name: l.page.After.Name}
	return (l.page.Namespace == "" || ref.Namespace == l.page.Namespace) && ref.Compare(a) > 0
}

// fromNow walks what lives now and, among it in order, the refs that changed since.
func (l *lister) fromNow(changed []events.Ref) error {
	lower, upper := l.bounds()
	if bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	err := l.s.scanNow(l.r, lower, upper, func(ref events.Ref, h *head) bool {
		for len(changed) > 0 && changed[0].Compare(ref) < 0 {
			if !l.addAt(changed[0]) {
				return false
			}
			changed = changed[1:]
		}
		if len(changed) > 0 && changed[0] == ref {
			changed = changed[1:]
		}
		if h.revision > l.at {
			return l.addAt(ref)
		}
		return l.add(l.s.object(l.r, ref, h.revision))
	})
	for ; err == nil && len(changed) > 0 && l.addAt(changed[0]); changed = changed[1:] {
	}
	return errors.Join(err, l.failed)
}

// fromManifest goes through what the last manifest before the moment names and
// what changed from there up to it.
func (l *lister) fromManifest() error {
	from, refs, err := l.s.manifest(l.r, l.kind, l.at)
	if err != nil {
		return err
	}
	changed, _, err := l.changed(from+1, l.at, 0)
	if err != nil {
		return err
	}
	refs = append(slices.DeleteFunc(refs, func(r events.Ref) bool { return !l.wanted(r) }), changed...)
	slices.SortFunc(refs, events.Ref.Compare)
	for _, ref := range slices.Compact(refs) {
		if !l.addAt(ref) {
			break
		}
	}
	return l.failed
}

// changed returns the wanted refs with a change in [from, to], ordered; false
// where there are more than limit changes (0: any number).
func (l *lister) changed(from, to events.Revision, limit int) ([]events.Ref, bool, error) {
	seen := map[events.Ref]bool{}
	n := 0
	err := scan(l.r, changeKey(l.kind, from), pastKey(changeKey(l.kind, to)), func(_, value []byte) (bool, error) {
		if n++; limit > 0 && n > limit {
			return false, nil
		}
		ref, err := placed(l.kind, value)
		if l.wanted(ref) {
			seen[ref] = true
		}
		return true, err
	})
	refs := make([]events.Ref, 0, len(seen))
	for ref := range seen {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, events.Ref.Compare)
	return refs, limit == 0 || n <= limit, err
}

// placed reads the ref in a row of the changes space.
func placed(kind string, value []byte) (events.Ref, error) {
	namespace, rest, ok := cutText(value)
	name, _, ok2 := cutText(rest)
	if !ok || !ok2 {
		return events.Ref{}, fmt.Errorf("store: a change of %s names no object: %w", kind, events.ErrMalformed)
	}
	return events.Ref{Kind: kind, Namespace: namespace, Name: name}, nil
}

// addAt adds ref if it lived at the list's moment; false ends the list.
func (l *lister) addAt(ref events.Ref) bool {
	o, err := l.s.objectAt(l.r, l.it, ref, l.at)
	if errors.Is(err, view.ErrNotFound) {
		return true
	}
	return l.add(o, err)
}

func (l *lister) add(o *view.Object, err error) bool {
	if err != nil {
		l.failed = err
		return false
	}
	if l.page.Limit > 0 && len(l.out) == l.page.Limit {
		l.more = true
		return false
	}
	l.out = append(l.out, o)
	return true
}

// scanNow calls fn for the heads in a part of the now space, until it says no.
func (s *Store) scanNow(r pebble.Reader, lower, upper []byte, fn func(events.Ref, *head) bool) error {
	return scan(r, lower, upper, func(key, value []byte) (bool, error) {
		ref, err := splitRef(key)
		if err != nil {
			return false, err
		}
		h := new(head)
		if err := wire.Decode(value, h); err != nil {
			return false, fmt.Errorf("store: head of %s: %w", ref, err)
		}
		return fn(ref, h), nil
	})
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
