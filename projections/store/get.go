package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Get returns an object as of a moment; 0: now. It may be one of many readers.
func (s *Store) Get(ref events.Ref, at events.Revision) (*view.Object, error) {
	if ref.Kind == events.Events {
		return s.getEvent(ref, at)
	}
	f := s.fetch(s.db)
	o, err := f.now(ref, at)
	if o != nil || err != nil {
		return o, err
	}
	if at == 0 {
		return nil, fmt.Errorf("%w: %s", view.ErrNotFound, ref)
	}
	it, err := s.versions(s.db)
	if err != nil {
		return nil, err
	}
	o, err = f.then(it, ref, at.Last())
	if o == nil && err == nil {
		err = fmt.Errorf("%w: %s at %d", view.ErrNotFound, ref, at)
	}
	return o, errors.Join(err, it.Close())
}

// fetcher puts objects together from the rows of one reader.
type fetcher struct {
	s *Store
	r pebble.Reader
	// walks is over the versions, for a walk in the order of refs: then the next
	// is near. Nil: each is looked for by itself.
	walks *pebble.Iterator
	key   []byte // of the row that a walk looks for
}

func (s *Store) fetch(r pebble.Reader) *fetcher { return &fetcher{s: s, r: r} }

// versions iterates over the versions space.
func (s *Store) versions(r pebble.Reader) (*pebble.Iterator, error) {
	return r.NewIter(&pebble.IterOptions{LowerBound: []byte{tagVersion}, UpperBound: []byte{tagVersion + 1}})
}

// now returns ref if it lives and has not changed since a revision (0: at
// all); else nil.
func (f *fetcher) now(ref events.Ref, at events.Revision) (*view.Object, error) {
	b, closer, err := f.r.Get(refKey(tagNow, ref))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", ref, err)
	}
	defer closer.Close()
	var l live
	if err := l.parse(ref, b); err != nil || at != 0 && l.revision > at.Last() {
		return nil, err
	}
	return f.live(ref, &l)
}

// live puts a live object together. What the fold keeps is in its row; of the
// rest it reads the one or two versions that hold it.
func (f *fetcher) live(ref events.Ref, l *live) (*view.Object, error) {
	o := &view.Object{Ref: ref, UID: l.uid, Revision: l.revision, Written: l.written, Created: l.created}
	bodies := [...]int{digest.Spec, digest.Status}
	if l.at[digest.Status] > l.at[digest.Spec] { // versions fall: the newer one comes first
		bodies = [...]int{digest.Status, digest.Spec}
	}
	var v *version
	for _, c := range bodies {
		if l.at[c] == 0 {
			continue
		}
		if v == nil || v.revision != l.at[c] {
			var err error
			if v, err = f.version(ref, l.at[c]); err != nil {
				return nil, err
			}
			for _, k := range [...]int{digest.Facts, digest.Projected} {
				if l.at[k] == v.revision {
					v.give(o, k) // decoded already, and shared
				}
			}
		}
		v.give(o, c)
	}
	var err error
	if o.Facts == nil && l.at[digest.Facts] != 0 {
		o.Facts, err = events.DecodeFacts(bytes.Clone(l.facts))
	}
	if o.Projected == nil && l.at[digest.Projected] != 0 && err == nil {
		o.Projected, err = fold.DecodeProjected(bytes.Clone(l.projected))
	}
	if err != nil {
		return nil, fmt.Errorf("store: the row of %s: %w", ref, err)
	}
	return o, nil
}

// then returns ref as of the last of a record's revisions; nil: it did not live.
func (f *fetcher) then(it *pebble.Iterator, ref events.Ref, at events.Revision) (*view.Object, error) {
	v, err := f.last(it, ref, at)
	if v == nil || v.deleted || err != nil {
		return nil, err
	}
	return f.assemble(ref, v)
}

// last finds ref's last version at or before a revision; nil: none.
func (f *fetcher) last(it *pebble.Iterator, ref events.Ref, at events.Revision) (*version, error) {
	key := versionKey(ref, at)
	found := false
	if it == f.walks {
		found = it.SeekGE(key) && isVersionOf(it.Key(), ref)
	} else {
		found = it.SeekPrefixGE(key)
	}
	if !found {
		return nil, it.Error()
	}
	place := cacheKey{ref, events.Revision(splitFalling(it.Key()))}
	if v := f.s.cache.get(place); v != nil {
		return v, nil
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	return f.s.keep(place, slices.Clone(b))
}

// assemble gathers an object's columns from the versions that hold them; of a
// deletion, the object as it was with the deletion's revision.
func (f *fetcher) assemble(ref events.Ref, v *version) (*view.Object, error) {
	o := &view.Object{Ref: ref, UID: v.uid, Revision: v.revision, Written: v.written, Created: v.created, Event: v.event}
	last := v
	for c, from := range v.at {
		switch {
		case from == 0:
			continue
		case from == v.revision:
			last = v
		case from != last.revision:
			var err error
			if last, err = f.version(ref, from); err != nil {
				return nil, err
			}
		}
		last.give(o, c)
	}
	return o, nil
}

// version returns the version of ref at exactly a revision.
func (f *fetcher) version(ref events.Ref, at events.Revision) (*version, error) {
	place := cacheKey{ref, at}
	if v := f.s.cache.get(place); v != nil {
		return v, nil
	}
	row, err := f.row(ref, at)
	if err != nil {
		return nil, err
	}
	return f.s.keep(place, row)
}

// row returns a version of ref as it is stored.
func (f *fetcher) row(ref events.Ref, at events.Revision) ([]byte, error) {
	var b []byte
	var err error
	if f.walks == nil {
		b, err = read(f.r, versionKey(ref, at))
	} else {
		b, err = f.lent(ref, at)
		b = slices.Clone(b)
	}
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return b, nil
}

// lent is row for a walk; the bytes are gone with the next one.
func (f *fetcher) lent(ref events.Ref, at events.Revision) ([]byte, error) {
	f.key = falling(appendRefKey(f.key[:0], tagVersion, ref), uint64(at))
	if f.walks.SeekGE(f.key) && bytes.Equal(f.walks.Key(), f.key) {
		return f.walks.ValueAndErr()
	}
	if err := f.walks.Error(); err != nil {
		return nil, err
	}
	return nil, pebble.ErrNotFound
}

// keep decodes a version's row, which it takes over, into the cache.
func (s *Store) keep(key cacheKey, row []byte) (*version, error) {
	v, err := decodeVersion(key.ref.Kind, row)
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", key.at, key.ref, err)
	}
	s.cache.put(key, v)
	return v, nil
}
