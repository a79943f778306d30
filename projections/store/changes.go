package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Changes returns a kind's changes after a revision, in order, in whole
// records: about limit at most (0: all), and up to where the answer goes.
func (s *Store) Changes(kind string, after events.Revision, limit int) (deltas []view.Delta, upTo events.Revision, err error) {
	upTo = s.Position().Revision()
	if after >= upTo {
		return nil, after, nil
	}
	it, err := s.versions(s.db)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	prefix := len(kindKey(tagChange, kind))
	err = scan(s.db, changeKey(kind, after+1), pastKey(changeKey(kind, upTo)), func(key, value []byte) (bool, error) {
		at := events.Revision(splitNumber(key, prefix))
		if n := len(deltas); limit > 0 && n >= limit && deltas[n-1].Revision.Last() < at {
			upTo = deltas[n-1].Revision.Last()
			return false, nil
		}
		ref, err := splitPlace(kind, value)
		if err != nil {
			return false, err
		}
		d, err := s.delta(it, ref, at)
		deltas = append(deltas, d)
		return true, err
	})
	return deltas, upTo, err
}

// delta is ref's change at exactly a revision.
func (s *Store) delta(it *pebble.Iterator, ref events.Ref, at events.Revision) (view.Delta, error) {
	d := view.Delta{Ref: ref, Revision: at}
	v, err := s.version(s.db, ref, at)
	if err != nil {
		return d, err
	}
	d.Deleted = v.deleted
	if d.Object, err = s.assemble(s.db, ref, v); err != nil || v.created == at {
		return d, err
	}
	before, err := s.lastVersion(it, ref, at-1)
	if err == nil && before == nil {
		err = fmt.Errorf("store: %s changed at %d, with nothing before it", ref, at)
	}
	if err != nil {
		return d, err
	}
	d.Previous, err = s.assemble(s.db, ref, before)
	return d, err
}
