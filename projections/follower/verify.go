package follower

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/store"
	"cairn/projections/view"
)

var (
	// ErrRolledBack: the ledger ends before, or differs at, a record that this
	// view has folded: it lost acknowledged records or was replaced.
	ErrRolledBack = errors.New("the ledger was rolled back")
	// ErrOtherLedger: the ledger's first record is not the one this view began with.
	ErrOtherLedger = errors.New("the view was folded from another ledger")
)

func rolledBack(at events.Offset, why string) error {
	return fmt.Errorf("%w at offset %d (%s): restore the ledger, or start a new incarnation from what is left", ErrRolledBack, at, why)
}

// verify compares the last n folded records, and the first, with the ledger's.
func verify(ctx context.Context, l ledger.Ledger, s *store.Store, n int) error {
	last := s.Position().Offset
	if last == events.NoOffset {
		return nil
	}
	end, err := l.ReadPoint(ctx)
	if err != nil {
		return fmt.Errorf("comparing the view with the ledger: %w", err)
	}
	if end == 0 {
		return rolledBack(0, "it is empty")
	}
	if err := compare(ctx, l, s, 0, 0); err != nil {
		if errors.Is(err, ErrRolledBack) {
			return fmt.Errorf("%w: give the cell another data directory, or remove the view and it is rebuilt from this ledger", ErrOtherLedger)
		}
		return err
	}
	if end <= last {
		return rolledBack(end, fmt.Sprintf("it ends there, and %d was folded", last))
	}
	return compare(ctx, l, s, max(0, last-events.Offset(n)+1), last)
}

// compare checks the leaves of the records in [from, last].
func compare(ctx context.Context, l ledger.Ledger, s *store.Store, from, last events.Offset) error {
	for from <= last {
		records, err := l.Fetch(ctx, from, 1<<20)
		if err != nil {
			return fmt.Errorf("comparing the view with the ledger: %w", err)
		}
		for _, r := range records {
			if r.Offset > last {
				return nil
			}
			want, err := s.Leaf(r.Offset)
			if err != nil {
				return err
			}
			if r.Offset != from || Leaf(r) != want {
				return rolledBack(r.Offset, "another record stands there")
			}
			from++
		}
	}
	return nil
}

// recheck compares the ledger's end, and the last folded record, now and then.
func (f *Follower) recheck(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-tick.C:
		}
		last := f.Position().Offset
		end, err := f.ledger.ReadPoint(f.ctx)
		if err != nil || last == events.NoOffset {
			continue // the fetch stage tells of a ledger that can't be reached
		}
		if err := f.checkEnd(end, last); err != nil {
			return
		}
		if err := compare(f.ctx, f.ledger, f.store, last, last); errors.Is(err, ErrRolledBack) {
			f.stop(err)
			return
		}
	}
}

// checkEnd stops the follower where the ledger ends before what was folded
// when the end was asked for.
func (f *Follower) checkEnd(end, folded events.Offset) error {
	f.sawEnd(end)
	if end > folded {
		return nil
	}
	err := rolledBack(end, fmt.Sprintf("it ends there, and %d was folded", folded))
	f.stop(err)
	return fmt.Errorf("%w: %w", view.ErrStopped, err)
}
