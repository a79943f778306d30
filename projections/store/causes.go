package store

import (
	"errors"
	"slices"

	"cairn/events"

	"github.com/cockroachdb/pebble/v2"
)

// Causes returns the records that made a record be written, as its writer named them.
func (s *Store) Causes(o events.Offset) ([]events.Offset, error) {
	r, err := s.Record(o)
	if err != nil {
		return nil, err
	}
	return r.Cause, nil
}

// Effects returns the records that name o as a cause, ascending; limit 0: all.
func (s *Store) Effects(o events.Offset, limit int) (list []events.Offset, err error) {
	last := s.Position().Offset
	err = scan(s.db, effectKey(o, 0), effectKey(o+1, 0), func(key, _ []byte) (bool, error) {
		effect := events.Offset(splitNumber(key, 1+8))
		if effect > last {
			return false, nil
		}
		list = append(list, effect)
		return limit == 0 || len(list) < limit, nil
	})
	return list, err
}

// maxCauses are kept of one record at most.
const maxCauses = 256

// causesOf are the causes worth keeping: earlier records, each once.
func causesOf(e *events.Event, o events.Offset) []events.Offset {
	var list []events.Offset
	for _, c := range e.Cause {
		if c >= 0 && c < o && len(list) < maxCauses && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// Touching lists the records in [from, to) that speak of ref or changed it.
//
// Those that changed it are its versions; a row of their own have only those
// that did not. The bodies of older versions lie apart, and are not read.
func (s *Store) Touching(ref events.Ref, from, to events.Offset, limit int) (list []events.Offset, err error) {
	t := s.tip.Load()
	from, to = max(from, 0), min(to, t.Offset+1)
	if from >= to {
		return nil, nil
	}
	spoke, err := s.spokeOf(ref, from, to, limit)
	if err != nil {
		return nil, err
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: versionKey(ref, events.RevisionOf(t.R0, to-1, events.MaxOrdinal)),
		UpperBound: versionKey(ref, events.RevisionOf(t.R0, from, 0)-1)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.Last(); ok && (limit == 0 || len(list) < limit); ok = it.Prev() {
		o := events.Revision(splitFalling(it.Key())).Offset(t.R0)
		for ; len(spoke) > 0 && spoke[0] < o; spoke = spoke[1:] {
			list = append(list, spoke[0])
		}
		list = append(list, o)
	}
	if list = append(list, spoke...); limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, it.Error()
}

// spokeOf lists the records in [from, to) whose subject is ref, and which did
// not change it.
func (s *Store) spokeOf(ref events.Ref, from, to events.Offset, limit int) (list []events.Offset, err error) {
	prefix := len(refKey(tagTouch, ref))
	err = scan(s.db, touchKey(ref, from), touchKey(ref, to), func(key, _ []byte) (bool, error) {
		list = append(list, events.Offset(splitNumber(key, prefix)))
		return limit == 0 || len(list) < limit, nil
	})
	return list, err
}
