package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Get returns an object as of a moment; 0: now. It may be one of many readers.
func (s *Store) Get(ref events.Ref, at events.Revision) (*view.Object, error) {
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
	h := new(head)
	if err := wire.Decode(b, h); err != nil {
		return nil, fmt.Errorf("store: head of %s: %w", ref, err)
	}
	return h, nil
}

// versions iterates over the versions of one object at a time.
func (s *Store) versions(r pebble.Reader) (*pebble.Iterator, error) {
	return r.NewIter(&pebble.IterOptions{LowerBound: []byte{tagVersion}, UpperBound: []byte{tagVersion + 1}})
}

// lastVersion finds ref's last version at or before a revision; nil: none.
func lastVersion(it *pebble.Iterator, ref events.Ref, at events.Revision) (*version, error) {
	if !it.SeekPrefixGE(versionKey(ref, at)) {
		return nil, it.Error()
	}
	b, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	v, err := decodeVersion(b)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", ref, err)
	}
	return v, nil
}

// objectAt returns ref as of the end of at's record, from its versions.
func (s *Store) objectAt(r pebble.Reader, it *pebble.Iterator, ref events.Ref, at events.Revision) (*view.Object, error) {
	v, err := lastVersion(it, ref, at.Last())
	if err != nil {
		return nil, err
	}
	if v == nil || v.deleted {
		return nil, fmt.Errorf("%w: %s at %d", view.ErrNotFound, ref, at)
	}
	return s.object(r, ref, v.revision)
}

// object returns ref as its change at exactly that revision left it; of a
// deletion, the object as it was with the deletion's revision.
func (s *Store) object(r pebble.Reader, ref events.Ref, at events.Revision) (*view.Object, error) {
	key := cacheKey{ref, at}
	if o := s.cache.get(key); o != nil {
		return o, nil
	}
	v, err := s.version(r, ref, at)
	if err != nil {
		return nil, err
	}
	o := &view.Object{Ref: ref, UID: v.uid, Revision: v.revision, Written: v.written, Created: v.created}
	earlier := map[events.Revision]*version{v.revision: v}
	for c, from := range v.at {
		if from == 0 {
			continue
		}
		if earlier[from] == nil {
			if earlier[from], err = s.version(r, ref, from); err != nil {
				return nil, err
			}
		}
		if err := setColumn(o, c, earlier[from].body[c]); err != nil {
			return nil, fmt.Errorf("store: column %d of %s at %d: %w", c, ref, from, err)
		}
	}
	s.cache.put(key, o)
	return o, nil
}

func (s *Store) version(r pebble.Reader, ref events.Ref, at events.Revision) (*version, error) {
	b, err := read(r, versionKey(ref, at))
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	v, err := decodeVersion(b)
	if err != nil {
		return nil, fmt.Errorf("store: version %d of %s: %w", at, ref, err)
	}
	return v, nil
}
