package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/view"

	"github.com/cockroachdb/pebble/v2"
)

// tip is how far the store has come: one row, rewritten by every commit.
type tip struct {
	view.Position
	tallies []tally
}

// Fields lists t's fields; numbers are frozen within a store format.
func (t *tip) Fields(w *wire.Codec) {
	next, objects := uint64(t.Offset+1), uint64(t.Objects)
	chain, state := t.Chain[:], t.State[:]
	if w.Reading() {
		next, objects, chain, state = 0, 0, nil, nil
	}
	w.Uint(1, &next)
	w.Int(2, &t.Time)
	w.Uint(3, &t.R0)
	w.Bytes(4, &chain)
	w.Bytes(5, &state)
	w.Uint(6, &objects)
	w.Uint(7, (*uint64)(&t.Gate))
	wire.Optional(w, 8, &t.Cell)
	wire.Repeated(w, 9, &t.tallies)
	t.Offset, t.Objects = events.Offset(next)-1, int(objects)
	copy(t.Chain[:], chain)
	copy(t.State[:], state)
}

func readTip(r pebble.Reader) (*tip, error) {
	t := new(tip)
	b, err := read(r, metaKey("tip"))
	if errors.Is(err, pebble.ErrNotFound) {
		return &tip{Position: digest.New().Settle()}, nil
	}
	if err == nil {
		err = wire.Decode(b, t)
	}
	if err != nil {
		return nil, fmt.Errorf("store: reading how far it is: %w", err)
	}
	return t, nil
}

// read returns a copy of a row's value.
func read(r pebble.Reader, key []byte) ([]byte, error) {
	b, closer, err := r.Get(key)
	if err != nil {
		return nil, err
	}
	b = slices.Clone(b)
	return b, closer.Close()
}

// load reads how far the store is.
func (s *Store) load(incarnation string) error {
	t, err := readTip(s.db)
	if err != nil {
		return err
	}
	if incarnation != "" && t.Cell != nil && t.Cell.Incarnation != incarnation {
		return fmt.Errorf("the view in %s is of another cell, %s (%s): give this cell another data directory, or remove that one and it is rebuilt from the ledger", s.dir, t.Cell.Name, t.Cell.Incarnation)
	}
	s.tip.Store(t)
	for _, c := range t.tallies {
		s.tally[c.kind] = &c
	}
	return nil
}

// Position is how far the store has come.
func (s *Store) Position() view.Position { return s.tip.Load().Position }

// Set is what the position's state digest is the sum of; for snapshots.
func (s *Store) Set() (*digest.Set, error) {
	b, err := read(s.db, metaKey("set"))
	if err != nil {
		return nil, fmt.Errorf("store: reading the set behind the state digest: %w", err)
	}
	return digest.SetOf(b)
}

// waits holds who waits for which offset.
type waits struct {
	sync.Mutex
	list []wait // ascending by offset
}

type wait struct {
	offset events.Offset
	done   chan struct{}
}

// Wait returns once the record at o is committed, or with ctx's error.
func (s *Store) Wait(ctx context.Context, o events.Offset) error {
	if s.tip.Load().Offset >= o {
		return nil
	}
	w := wait{o, make(chan struct{})}
	s.waits.Lock()
	if s.tip.Load().Offset >= o {
		s.waits.Unlock()
		return nil
	}
	i, _ := slices.BinarySearchFunc(s.waits.list, o, func(w wait, o events.Offset) int { return int(w.offset - o) })
	s.waits.list = slices.Insert(s.waits.list, i, w)
	s.waits.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		s.waits.Lock()
		s.waits.list = slices.DeleteFunc(s.waits.list, func(x wait) bool { return x.done == w.done })
		s.waits.Unlock()
		return ctx.Err()
	}
}

// arrive publishes t and wakes those who waited for it.
func (s *Store) arrive(t *tip) {
	s.waits.Lock()
	defer s.waits.Unlock()
	s.tip.Store(t)
	n := 0
	for ; n < len(s.waits.list) && s.waits.list[n].offset <= t.Offset; n++ {
		close(s.waits.list[n].done)
	}
	s.waits.list = slices.Delete(s.waits.list, 0, n)
}
