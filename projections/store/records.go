package store

import (
	"errors"
	"fmt"
	"sort"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Record returns what is kept of a record; beyond the end an error that wraps ErrNotFound.
func (s *Store) Record(o events.Offset) (*view.Record, error) {
	r, err := s.record(o)
	if err != nil {
		return nil, err
	}
	return &r.Record, nil
}

// Leaf returns the hash of the ledger's bytes that was committed with a record.
func (s *Store) Leaf(o events.Offset) (leaf [32]byte, err error) {
	r, err := s.record(o)
	if err != nil {
		return leaf, err
	}
	copy(leaf[:], r.leaf)
	return leaf, nil
}

func (s *Store) record(o events.Offset) (*record, error) {
	if o < 0 || o > s.Position().Offset {
		return nil, fmt.Errorf("%w: record %d", view.ErrNotFound, o)
	}
	b, err := read(s.db, recordKey(o))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("store: record %d is missing: remove %s and the view is rebuilt from the ledger", o, s.dir)
	}
	r := new(record)
	if err == nil {
		err = wire.Decode(b, r)
	}
	if err != nil {
		return nil, fmt.Errorf("store: record %d: %w", o, err)
	}
	r.Offset, r.Changed = o, r.changed
	return r, nil
}

// Touching lists the records in [from, to) that speak of ref or changed it.
func (s *Store) Touching(ref events.Ref, from, to events.Offset, limit int) ([]events.Offset, error) {
	if from = max(from, 0); from >= to {
		return nil, nil
	}
	prefix := len(refKey(tagTouch, ref))
	last := s.Position().Offset
	var list []events.Offset
	err := scan(s.db, touchKey(ref, from), touchKey(ref, to), func(key, _ []byte) (bool, error) {
		o := events.Offset(splitNumber(key, prefix))
		if o > last || limit > 0 && len(list) == limit {
			return false, nil
		}
		list = append(list, o)
		return true, nil
	})
	return list, err
}

// OffsetAt returns the last record at or before a ledger time (Unix ns);
// NoOffset where there is none. Ledger time never falls, so it halves.
func (s *Store) OffsetAt(t int64) (events.Offset, error) {
	var failed error
	n := sort.Search(int(s.Position().Offset+1), func(i int) bool {
		r, err := s.record(events.Offset(i))
		if err != nil {
			failed = err
			return true
		}
		return r.Time > t
	})
	return events.Offset(n - 1), failed
}
