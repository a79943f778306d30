package store

import (
	"errors"
	"fmt"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// Entry is one record's result with what the ledger said of it.
type Entry struct {
	Result  *fold.Result
	Columns []digest.Columns // digest.Encode(Result), completed by Digest.Add
	Bytes   int              // the record's size
	Leaf    [32]byte         // hash of the ledger's own bytes
	Chain   [32]byte         // the chain digest after it
	At      *view.Position   // after a record where SnapshotAfter says so, else nil
	Rows    []fold.Row       // State.Rows after it; with At there must be, with the last of a batch too
}

// Batch is what is committed at once.
type Batch struct {
	Entries  []Entry       // in order, the first one following Position
	Position view.Position // after the last one
	Lanes    []byte        // of the state digest at Position
}

// commit is a batch on its way to disk.
type commit struct {
	*Store
	rows   *pebble.Batch
	r0     uint64
	births map[string]int // by kind, in this batch
	states states
	key    []byte // scratch, as value: a batch copies what it is given
	value  []byte

	// For Events only:
	before  int64                      // ledger time of the last record; negative: none
	ended   map[string]events.Revision // namespaces whose Events ended, where last; 0: never
	earlier *pebble.Iterator           // over the versions before this batch

	err error // the first failure
}

func (c *commit) set(key, value []byte) {
	if c.err == nil {
		c.err = c.rows.Set(key, value, nil)
	}
}

// Commit adds a batch. It is seen by readers whole, and once they see it,
// those who Wait for it are woken. After an error the store must be closed:
// the directory is whole as of an earlier batch.
func (s *Store) Commit(b *Batch) error {
	last := s.tip.Load()
	next := last.Offset + 1
	c := &commit{Store: s, r0: b.Position.R0, rows: s.db.NewBatchWithSize(1 << 16), births: map[string]int{}, ended: map[string]events.Revision{}, before: last.Time}
	if last.Offset == events.NoOffset {
		c.before = -1
	}
	defer c.close()
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Result.Offset != next || len(e.Columns) != len(e.Result.Changes) {
			return fmt.Errorf("store: BUG: record %d with %d of %d columns given where %d is next", e.Result.Offset, len(e.Columns), len(e.Result.Changes), next)
		}
		next++
		if c.entry(e); c.err != nil {
			return fmt.Errorf("store: record %d: %w", e.Result.Offset, c.err)
		}
	}
	if b.Position.Offset != next-1 {
		return fmt.Errorf("store: BUG: batch ends at %d, its position is %d", next-1, b.Position.Offset)
	}
	c.flushStates()
	c.advanceManifests(b.Position.Revision())
	t := &tip{Position: b.Position, tallies: s.sortedTallies()}
	c.set(metaKey("tip"), wire.Encode(t))
	if last.Offset == events.NoOffset || last.State != t.State {
		c.set(metaKey("set"), b.Lanes)
	}
	if err := errors.Join(c.err, c.rows.Commit(pebble.NoSync)); err != nil {
		return fmt.Errorf("store: committing up to record %d: %w", b.Position.Offset, err)
	}
	s.series.forget()
	s.arrive(t)
	return nil
}

func (c *commit) close() {
	c.rows.Close()
	if c.earlier != nil {
		c.earlier.Close()
	}
}

func (c *commit) entry(e *Entry) {
	r := e.Result
	rec := record{Record: view.Record{Time: r.Time, Bytes: e.Bytes, Outcome: r.Outcome}, chain: e.Chain, leaf: e.Leaf}
	if ev := r.Event; ev != nil {
		rec.Type, rec.Subject, rec.Actor, rec.Cause = ev.Type, ev.Subject, ev.Actor.Who(), causesOf(ev, r.Offset)
		rec.id, rec.remembered = ev.ID, fold.Remembers(r)
	}
	touched := rec.Subject == (events.Ref{})
	for i := range r.Changes {
		ref := r.Changes[i].Ref
		rec.Changed = append(rec.Changed, ref)
		touched = touched || ref == rec.Subject
		c.change(&r.Changes[i], &e.Columns[i])
	}
	c.kubeEvents(r)
	if !touched {
		c.set(touchKey(rec.Subject, r.Offset), nil)
	}
	for _, cause := range rec.Cause {
		c.set(effectKey(cause, r.Offset), nil)
	}
	c.value = rec.append(c.value[:0])
	c.set(recordKey(r.Offset), c.value)
	c.state(e)
}

// change writes a change's version, its live row and its place among its kind's changes.
func (c *commit) change(ch *fold.Change, cols *digest.Columns) {
	fresh := ch.Created == ch.Revision
	if !fresh && !cols.Lived && c.err == nil {
		c.err = fmt.Errorf("BUG: the fold changed %s, which does not live", ch.Ref)
	}
	h := headOf(ch, cols)
	n := c.count(ch.Ref.Kind)
	if !ch.Deleted && !cols.Lived {
		n.live++
		c.birth(ch.Ref, n)
	}
	c.key = appendRefKey(c.key[:0], tagNow, ch.Ref)
	if ch.Deleted {
		n.live--
		if c.err == nil {
			c.err = c.rows.Delete(c.key, nil)
		}
	} else {
		c.value = appendLive(c.value[:0], &h, ch, cols)
		c.set(c.key, c.value)
	}
	c.value = appendVersion(c.value[:0], &h, cols)
	c.versionRow(ch.Ref, ch.Revision)
}

// versionRow writes c.value as the version of the ref whose key c.key is, and
// the row of the change.
func (c *commit) versionRow(ref events.Ref, at events.Revision) {
	c.key = asVersionKey(c.key, at)
	c.set(c.key, c.value)
	c.key = appendChangeKey(c.key[:0], ref.Kind, at)
	c.value = appendText(appendText(c.value[:0], ref.Namespace), ref.Name)
	c.set(c.key, c.value)
}

// birth notes in its kind's manifests that ref lives from here on.
func (c *commit) birth(ref events.Ref, n *tally) {
	n.births++
	c.births[ref.Kind]++
	c.key = appendBirthKey(c.key[:0], ref, n.manifest)
	c.set(c.key, nil)
	if n.next != 0 {
		c.key = appendBirthKey(c.key[:0], ref, n.next)
		c.set(c.key, nil)
	}
}
