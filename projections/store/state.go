package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// The fold's rows, now and as of earlier records.
//
// Most of what the fold keeps is here anyway: its objects are the live
// objects' facts and projected fields, its ids are in the records. What is
// left (addresses claimed, node ranges, counters) is a row each in the state
// space, and once more in the space of snapshots, under the next record that
// SnapshotAfter names: what changes often is overwritten there until then. So
// a snapshot costs the commit next to nothing, where a copy of all rows every N
// records would stop it for as long as there is much alive, and a version of
// every row for each change would double what a change writes.

// states are the rows of a batch, the last one of each key and snapshot.
type states map[stateRow][]byte

type stateRow struct {
	key string
	at  events.Offset // of the snapshot that it is for
}

// SnapshotAfter reports whether the position after record o is kept, so that
// the fold can start there again: Entry.At has it.
func (s *Store) SnapshotAfter(o events.Offset) bool { return (o+1)%s.snapshots == 0 }

// snapshotAt is the first record from o on that SnapshotAfter names.
func (s *Store) snapshotAt(o events.Offset) events.Offset {
	return o + s.snapshots - 1 - o%s.snapshots
}

// state notes the rows that a record changed, and the position after it.
func (c *commit) state(e *Entry) {
	o := e.Result.Offset
	for _, row := range e.Rows {
		if c.states == nil {
			c.states = states{}
		}
		c.states[stateRow{string(row.Key), c.snapshotAt(o)}] = row.Value
	}
	if !c.SnapshotAfter(o) {
		return
	}
	if e.At == nil || e.At.Offset != o {
		c.err = fmt.Errorf("BUG: no position came with record %d, after which a snapshot is kept", o)
		return
	}
	c.set(positionKey(o), wire.Encode(&tip{Position: *e.At}))
}

// flushStates writes the batch's rows. In the space of snapshots an empty
// value says that there is none, and another begins with a zero.
func (c *commit) flushStates() {
	for _, row := range slices.SortedFunc(maps.Keys(c.states), func(a, b stateRow) int { return int(a.at - b.at) }) {
		value := c.states[row]
		if value == nil {
			if c.err == nil {
				c.err = c.rows.Delete(stateKey(row.key), nil)
			}
			c.set(stateAtKey(row.key, row.at), nil)
			continue
		}
		c.set(stateKey(row.key), value)
		c.value = append(append(c.value[:0], 0), value...)
		c.set(stateAtKey(row.key, row.at), c.value)
	}
}

// Snapshot is all that the fold and the digest need to go on from a record.
type Snapshot struct {
	Position view.Position // NoOffset: the beginning
	store    *Store
	past     bool
}

// Current is the snapshot after the last record. It must be read before the
// next Commit.
func (s *Store) Current() *Snapshot { return &Snapshot{Position: s.Position(), store: s} }

// SnapshotBefore is the last snapshot that lies before record o, so that
// folding from it on passes o; without one, the beginning.
func (s *Store) SnapshotBefore(o events.Offset) (*Snapshot, error) {
	var row []byte
	o = min(o, s.Position().Offset+1)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tagPosition}, UpperBound: positionKey(max(o, 0))})
	if err != nil {
		return nil, err
	}
	if it.Last() {
		row, err = it.ValueAndErr()
		row = bytes.Clone(row)
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil || row == nil {
		return Beginning(), err
	}
	var t tip
	if err := wire.Decode(row, &t); err != nil {
		return nil, fmt.Errorf("store: the snapshot before record %d: %w", o, err)
	}
	return &Snapshot{Position: t.Position, store: s, past: true}, nil
}

// Resume gives the fold's rows for fold.Load, and on the way tells live of
// each live object, for digest.Restore; both are lent until the next one.
// Call failed after the loop.
func (n *Snapshot) Resume(live func(*digest.Live)) (rows iter.Seq2[[]byte, []byte], failed func() error) {
	var err error
	return func(yield func([]byte, []byte) bool) { err = n.resume(live, yield) }, func() error { return err }
}

func (n *Snapshot) resume(tell func(*digest.Live), yield func([]byte, []byte) bool) error {
	s, o := n.store, n.Position.Offset
	if o == events.NoOffset {
		return nil
	}
	snap := s.db.NewSnapshot()
	defer snap.Close()
	objects, states := s.liveNow, s.statesNow
	if n.past {
		objects, states = s.liveAt(n.Position.Revision()), s.statesAt(o)
	}
	on := true
	err := states(snap, func(key, value []byte) bool {
		on = yield(key, value)
		return on
	})
	if err != nil || !on {
		return err
	}
	var buf []byte
	err = objects(snap, func(ref events.Ref, l *live) bool {
		tell(l.digest(ref))
		row := fold.ObjectRow(buf[:0], &fold.Stored{Ref: ref, UID: l.uid, Revision: l.revision, Written: l.written, Created: l.created, Facts: l.facts, Projected: l.projected})
		buf = row.Value
		on = yield(row.Key, row.Value)
		return on
	})
	if err != nil || !on {
		return err
	}
	if n.Position.Cell == nil {
		return nil
	}
	return s.scanRecords(snap, o-events.Offset(n.Position.Cell.Window)+1, o+1, func(o events.Offset, row []byte) (bool, error) {
		if row[idAt-1] == 0 {
			return true, nil
		}
		id := fold.IDRow(o, events.ID(row[idAt:recordAt]))
		return yield(id.Key, id.Value), nil
	})
}

// liveNow gives what lives, by kind, namespace and name.
func (s *Store) liveNow(r pebble.Reader, fn func(events.Ref, *live) bool) error {
	var l live
	return scan(r, []byte{tagNow}, []byte{tagNow + 1}, func(key, value []byte) (bool, error) {
		ref, err := splitRef(key)
		if err != nil {
			return false, err
		}
		if err := l.parse(ref, value); err != nil {
			return false, err
		}
		return fn(ref, &l), nil
	})
}

// digest is what the digest wants to know.
func (l *live) digest(ref events.Ref) *digest.Live {
	return &digest.Live{Ref: ref, UID: l.uid, Revision: l.revision, Written: l.written, Created: l.created,
		At: l.at, Hash: [columns][32]byte{digest.HashOf(l.facts), digest.HashOf(l.projected), l.spec, l.status}}
}

func (s *Store) statesNow(r pebble.Reader, fn func(key, value []byte) bool) error {
	return scan(r, []byte{tagState}, []byte{tagState + 1}, func(k, value []byte) (bool, error) {
		return fn(k[1:len(k)-1], value), nil
	})
}

// statesAt gives the rows as of a snapshot: of each key the last version.
func (s *Store) statesAt(at events.Offset) func(pebble.Reader, func(key, value []byte) bool) error {
	return func(r pebble.Reader, fn func(key, value []byte) bool) error {
		it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{tagStateAt}, UpperBound: []byte{tagStateAt + 1}})
		if err != nil {
			return err
		}
		for ok := it.First(); ok && err == nil; {
			key := it.Key()
			if events.Offset(splitFalling(key)) > at {
				ok = it.SeekGE(falling(bytes.Clone(key[:len(key)-suffixLen]), uint64(at)))
				continue
			}
			var value []byte
			if value, err = it.ValueAndErr(); err == nil && len(value) > 0 && !fn(key[1:len(key)-suffixLen-1], value[1:]) {
				break
			}
			ok = it.NextPrefix()
		}
		return errors.Join(err, it.Error(), it.Close())
	}
}

// Beginning is the snapshot before the first record.
func Beginning() *Snapshot { return &Snapshot{Position: digest.New().Settle()} }
