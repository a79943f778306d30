package store

import (
	"errors"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Get returns an object as of a moment; 0: now. It may be one of many readers.
func (s *Store) Get(ref events.Ref, at events.Revision) (*view.Object, error) {
	if ref.Kind == events.Events {
		return s.getEvent(ref, at)
	}
	h, err := s.headNow(s.db, ref)
	switch {
	case err == nil && (at == 0 || h.revision <= at.Last()):
		return s.object(s.db, ref, h.revision)
	case err != nil && (at == 0 || !errors.Is(err, view.ErrNotFound)):
		return nil, err
	}
	it, err := s.versions(s.db)
	if err != nil {
		return nil, err
	}
	o, err := s.objectAt(s.db, it, ref, at)
	return o, errors.Join(err, it.Close())
}

// headNow returns the head of a live object, or an error that wraps ErrNotFound.
func (s *Store) headNow(r pebble.Reader, ref events.Ref) (*head, error) {
	b, closer, err := r.Get(refKey(tagNow, ref))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", view.ErrNotFound, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", ref, err)
	}
	defer closer.Close()
	h, row := new(head), &reader{b: b}
	h.read(row)
	return h, row.err("the head of %s", ref)
}

// versions iterates over the versions of one object at a time.
func (s *Store) versions(r pebble.Reader) (*pebble.Iterator, error) {
	return r.NewIter(&pebble.IterOptions{LowerBound: []byte{tagVersion}, UpperBound: []byte{tagVersion + 1}})
}

// lastVersion finds ref's last version at or before a revision; nil: none.
func (s *Store) lastVersion(it *pebble.Iterator, ref events.Ref, at events.Revision) (*version, error) {
	if !it.SeekPrefixGE(versionKey(ref, at)) {
		return nil, it.Error()
	}
	key := it.Key()
	found := cacheKey{ref, events.Revision(splitFalling(key))}
	if v := s.cache.get(found); v != nil {
		return v, nil
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	return s.keep(found, slices.Clone(b))
}

// objectAt returns ref as of the end of at's record, from its versions.
func (s *Store) objectAt(r pebble.Reader, it *pebble.Iterator, ref events.Ref, at events.Revision) (*view.Object, error) {
	v, err := s.lastVersion(it, ref, at.Last())
	if err != nil {
		return nil, err
	}
	if v == nil || v.deleted {
		return nil, fmt.Errorf("%w: %s at %d", view.ErrNotFound, ref, at)
	}
	return s.assemble(r, ref, v)
}

// object returns ref as its change at exactly that revision left it; of a
// deletion, the object as it was with the deletion's revision.
func (s *Store) object(r pebble.Reader, ref events.Ref, at events.Revision) (*view.Object, error) {
	v, err := s.version(r, ref, at)
	if err != nil {
		return nil, err
	}
	return s.assemble(r, ref, v)
}

// assemble gathers an object's columns from the versions that hold them.
func (s *Store) assemble(r pebble.Reader, ref events.Ref, v *version) (*view.Object, error) {
	return assemble(ref, v, func(ref events.Ref, at events.Revision) (*version, error) { return s.version(r, ref, at) })
}

func assemble(ref events.Ref, v *version, versionOf func(events.Ref, events.Revision) (*version, error)) (*view.Object, error) {
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
			if last, err = versionOf(ref, from); err != nil {
				return nil, err
			}
		}
		last.give(o, c)
	}
	return o, nil
}

// version returns the version of ref at exactly a revision.
func (s *Store) version(r pebble.Reader, ref events.Ref, at events.Revision) (*version, error) {
	key := cacheKey{ref, at}
	if v := s.cache.get(key); v != nil {
		return v, nil
	}
	b, err := read(r, versionKey(ref, at))
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return s.keep(key, b)
}

// bodies returns a version of ref as it is stored.
func (s *Store) bodies(r pebble.Reader, ref events.Ref, at events.Revision) (*bodies, error) {
	row, err := read(r, versionKey(ref, at))
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return readBodies(row)
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
