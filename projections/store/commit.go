package store

import (
	"errors"
	"fmt"
	"slices"

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
	Columns []digest.Columns // digest.Encode(Result)
	Bytes   int              // the record's size
	Leaf    [32]byte         // hash of the ledger's own bytes
}

// Batch is what is committed at once.
type Batch struct {
	Entries     []Entry       // in order, the first one following Position
	Position    view.Position // after the last one
	Lanes       []byte        // of the state digest at Position
	FoldVersion uint64        // active after the last one
}

// Commit adds a batch. It is seen by readers whole, and once they see it,
// those who Wait for it are woken. After an error the store must be closed:
// the directory is whole as of an earlier batch.
func (s *Store) Commit(b *Batch) error {
	next := s.tip.Load().Offset + 1
	rows := s.db.NewBatchWithSize(1 << 16)
	defer rows.Close()
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Result.Offset != next || len(e.Columns) != len(e.Result.Changes) {
			return fmt.Errorf("store: BUG: record %d with %d of %d columns given where %d is next", e.Result.Offset, len(e.Columns), len(e.Result.Changes), next)
		}
		next++
		if err := s.writeEntry(rows, e); err != nil {
			return fmt.Errorf("store: record %d: %w", e.Result.Offset, err)
		}
	}
	if b.Position.Offset != next-1 {
		return fmt.Errorf("store: BUG: batch ends at %d, its position is %d", next-1, b.Position.Offset)
	}
	t := &tip{Position: b.Position, foldVersion: b.FoldVersion, tallies: s.sortedTallies()}
	err := rows.Set(metaKey("tip"), wire.Encode(t), nil)
	if before := s.tip.Load(); before.Offset == events.NoOffset || before.State != t.State {
		err = errors.Join(err, rows.Set(metaKey("set"), b.Lanes, nil))
	}
	if err = errors.Join(err, rows.Commit(pebble.NoSync)); err != nil {
		return fmt.Errorf("store: committing up to record %d: %w", b.Position.Offset, err)
	}
	clear(s.recent)
	clear(s.ended)
	s.arrive(t)
	return s.writeManifests(t)
}

func (s *Store) sortedTallies() []tally {
	list := make([]tally, 0, len(s.tally))
	for _, t := range s.tally {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b tally) int { return events.Ref{Kind: a.kind}.Compare(events.Ref{Kind: b.kind}) })
	return list
}

func (s *Store) writeEntry(rows *pebble.Batch, e *Entry) error {
	r := e.Result
	rec := record{Record: view.Record{Time: r.Time, Bytes: e.Bytes, Outcome: r.Outcome}, leaf: e.Leaf[:]}
	if r.Event != nil {
		rec.Type, rec.Subject, rec.Actor = r.Event.Type, r.Event.Subject, r.Event.Actor.Who()
	}
	touched := rec.Subject == (events.Ref{})
	for i := range r.Changes {
		ref := r.Changes[i].Ref
		rec.changed = append(rec.changed, ref)
		touched = touched || ref == rec.Subject
		if err := errors.Join(s.writeChange(rows, &r.Changes[i], &e.Columns[i]), rows.Set(touchKey(ref, r.Offset), nil, nil)); err != nil {
			return err
		}
	}
	if err := s.endEvents(rows, r); err != nil {
		return err
	}
	if !touched {
		if err := rows.Set(touchKey(rec.Subject, r.Offset), nil, nil); err != nil {
			return err
		}
	}
	for _, row := range r.Rows {
		var err error
		if row.Value == nil {
			err = rows.Delete(stateKey(row.Key), nil)
		} else {
			err = rows.Set(stateKey(row.Key), row.Value, nil)
		}
		if err != nil {
			return err
		}
	}
	return rows.Set(recordKey(r.Offset), wire.Encode(&rec), nil)
}

// writeChange writes a change's version, head and place among its kind's changes.
func (s *Store) writeChange(rows *pebble.Batch, c *fold.Change, cols *digest.Columns) error {
	old, err := s.headOf(c)
	if err != nil {
		return err
	}
	h := &head{uid: c.UID, revision: c.Revision, written: c.Written, created: c.Created, deleted: c.Deleted}
	if old != nil {
		h.at = old.at
	}
	for k := range cols {
		switch cols[k].Effect {
		case digest.Changed:
			h.at[k] = c.Revision
		case digest.Removed:
			h.at[k] = 0
		}
	}
	n := s.tally[c.Ref.Kind]
	if n == nil {
		n = &tally{kind: c.Ref.Kind}
		s.tally[c.Ref.Kind] = n
	}
	n.since++
	now := refKey(tagNow, c.Ref)
	if c.Deleted {
		n.live--
		delete(s.heads, c.Ref)
		delete(s.recent, c.Ref)
		err = rows.Delete(now, nil)
	} else {
		if old == nil {
			n.live++
		}
		if c.Ref.Kind == events.Events {
			s.recent[c.Ref] = h
		} else {
			s.heads[c.Ref] = h
		}
		err = rows.Set(now, wire.Encode(h), nil)
	}
	place := appendText(appendText(nil, c.Ref.Namespace), c.Ref.Name)
	return errors.Join(err, rows.Set(versionKey(c.Ref, c.Revision), encodeVersion(h, cols), nil),
		rows.Set(changeKey(c.Ref.Kind, c.Revision), place, nil))
}

// headOf finds what c changes; nil where it creates. Events are too many to be
// in memory: one is looked for only where c says that it is not new.
func (s *Store) headOf(c *fold.Change) (*head, error) {
	fresh := c.Created == c.Revision && !c.Deleted
	h := s.heads[c.Ref]
	if h == nil {
		h = s.recent[c.Ref]
	}
	if h == nil && c.Ref.Kind == events.Events && !fresh {
		var err error
		if h, err = s.headNow(s.db, c.Ref); err != nil && !errors.Is(err, view.ErrNotFound) {
			return nil, err
		}
	}
	if h == nil && !fresh {
		return nil, fmt.Errorf("BUG: the fold changed %s, which does not live", c.Ref)
	}
	return h, nil
}
