package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sort"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// A record's row begins with what is read of many records at once: chain (32
// bytes), leaf (32), ledger time (8), whether its id is remembered (1), id
// (16). They stand in the row rather than in a space of their own: a row more
// per record costs the commit more than a scan pays for the bytes in between
// (BenchmarkLeaves).
const (
	leafAt   = 32
	timeAt   = leafAt + 32
	idAt     = timeAt + 8 + 1
	recordAt = idAt + 16
)

// record is a view.Record as stored.
type record struct {
	view.Record
	chain, leaf [32]byte
	id          events.ID
	remembered  bool // the fold keeps its id for W records
}

func (r *record) append(b []byte) []byte {
	b = append(append(b, r.chain[:]...), r.leaf[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time))
	var flag byte
	if r.remembered {
		flag = 1
	}
	b = append(append(b, flag), r.id[:]...)
	b = appendRef(appendChunk(b, r.Type), r.Subject)
	b = appendChunk(b, r.Actor)
	b = binary.AppendUvarint(b, uint64(r.Bytes))
	b = append(b, byte(r.Outcome.Code))
	b = binary.AppendUvarint(b, uint64(r.Outcome.Reason))
	b = appendChunk(appendTexts(b, r.Outcome.Args), r.Outcome.Field)
	b = binary.AppendUvarint(b, uint64(r.Outcome.DuplicateOf))
	b = binary.AppendUvarint(b, uint64(len(r.Cause)))
	for _, o := range r.Cause {
		b = binary.AppendUvarint(b, uint64(o))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Changed)))
	for _, ref := range r.Changed {
		b = appendRef(b, ref)
	}
	return b
}

func readRecord(o events.Offset, row []byte) (*record, error) {
	r := &reader{b: row}
	rec := &record{chain: r.hash(), leaf: r.hash()}
	if t := r.bytes(8); t != nil {
		rec.Time = int64(binary.BigEndian.Uint64(t))
	}
	rec.remembered = r.flags() == 1
	copy(rec.id[:], r.bytes(16))
	rec.Offset, rec.Type, rec.Subject, rec.Actor = o, events.Type(r.text()), r.ref(), r.text()
	rec.Bytes, rec.Outcome.Code = int(r.number()), fold.Code(r.flags())
	rec.Outcome.Reason, rec.Outcome.Args = fold.Reason(r.number()), r.texts()
	rec.Outcome.Field, rec.Outcome.DuplicateOf = r.text(), events.Offset(r.number())
	for n := r.number(); n > 0 && !r.short; n-- {
		rec.Cause = append(rec.Cause, events.Offset(r.number()))
	}
	for n := r.number(); n > 0 && !r.short; n-- {
		rec.Changed = append(rec.Changed, r.ref())
	}
	return rec, r.err("record %d", o)
}

// Record returns what is kept of a record; beyond the end an error that wraps ErrNotFound.
func (s *Store) Record(o events.Offset) (*view.Record, error) {
	row, err := s.recordRow(o)
	if err != nil {
		return nil, err
	}
	r, err := readRecord(o, row)
	if err != nil {
		return nil, err
	}
	return &r.Record, nil
}

// ChainAt returns the chain digest after a record: where two views' chains
// differ first, halving finds. Beyond the end the error wraps ErrNotFound.
func (s *Store) ChainAt(o events.Offset) (chain [32]byte, err error) {
	row, err := s.recordRow(o)
	copy(chain[:], row)
	return chain, err
}

// Leaf returns the hash of the ledger's bytes that was committed with a record.
func (s *Store) Leaf(o events.Offset) (leaf [32]byte, err error) {
	row, err := s.recordRow(o)
	if err == nil {
		copy(leaf[:], row[leafAt:])
	}
	return leaf, err
}

// Leaves gives the leaves of the records in [from, to) in order, for a Merkle
// tree over them; call failed after the loop.
func (s *Store) Leaves(from, to events.Offset) (leaves iter.Seq2[events.Offset, [32]byte], failed func() error) {
	var err error
	return func(yield func(events.Offset, [32]byte) bool) {
		err = s.scanRecords(s.db, from, min(to, s.Position().Offset+1), func(o events.Offset, row []byte) (bool, error) {
			return yield(o, [32]byte(row[leafAt:timeAt])), nil
		})
	}, func() error { return err }
}

// scanRecords calls fn for the rows of the records in [from, to), all of which
// there must be, until it says no or fails.
func (s *Store) scanRecords(r pebble.Reader, from, to events.Offset, fn func(events.Offset, []byte) (bool, error)) error {
	next, done := max(from, 0), false
	if next >= to {
		return nil
	}
	err := scan(r, recordKey(next), recordKey(to), func(key, row []byte) (bool, error) {
		if o := events.Offset(splitNumber(key, 1)); o != next || len(row) < recordAt {
			return false, s.missing(next)
		}
		on, err := fn(next, row)
		next, done = next+1, !on
		return on, err
	})
	if err == nil && !done && next < to {
		err = s.missing(next)
	}
	return err
}

func (s *Store) missing(o events.Offset) error {
	return fmt.Errorf("store: record %d is missing: remove %s and the view is rebuilt from the ledger", o, s.dir)
}

func (s *Store) recordRow(o events.Offset) ([]byte, error) {
	if o < 0 || o > s.Position().Offset {
		return nil, fmt.Errorf("%w: record %d", view.ErrNotFound, o)
	}
	row, err := read(s.db, recordKey(o))
	if errors.Is(err, pebble.ErrNotFound) || err == nil && len(row) < recordAt {
		return nil, s.missing(o)
	}
	if err != nil {
		return nil, fmt.Errorf("store: record %d: %w", o, err)
	}
	return row, nil
}

// timeOf returns a record's ledger time; of none 0.
func (s *Store) timeOf(r pebble.Reader, o events.Offset) (int64, error) {
	if o < 0 {
		return 0, nil
	}
	row, err := read(r, recordKey(o))
	if err != nil || len(row) < recordAt {
		return 0, s.missing(o)
	}
	return int64(binary.BigEndian.Uint64(row[timeAt:])), nil
}

// OffsetAt returns the last record at or before a ledger time (Unix ns);
// NoOffset where there is none. Ledger time never falls, so it halves.
func (s *Store) OffsetAt(t int64) (events.Offset, error) {
	var failed error
	n := sort.Search(int(s.Position().Offset+1), func(i int) bool {
		row, err := s.recordRow(events.Offset(i))
		if err != nil {
			failed = err
			return true
		}
		return int64(binary.BigEndian.Uint64(row[timeAt:])) > t
	})
	return events.Offset(n - 1), failed
}
