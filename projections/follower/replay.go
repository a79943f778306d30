package follower

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"
	"cairn/projections/store"
	"cairn/projections/view"
)

// ErrDiverged: a replayed record folded to something else than it did before.
var ErrDiverged = errors.New("the replay differs")

// ReplayOptions say from where and how far to fold, and whom to tell.
type ReplayOptions struct {
	From     *store.Snapshot         // where to begin; nil: with the first record
	End      events.Offset           // one past the last record to fold; 0: the ledger's end at the start
	Expect   view.Chains             // if given: the replay ends at the first record whose chain is another, with ErrDiverged
	Result   func(*fold.Result)      // called from another goroutine for each record, in order
	Progress func(done, total int64) // records; called from that goroutine after each batch
	Load     Load                    // nil: the fold
}

// Replay folds a ledger's records, beside any view, and returns where it ends:
// Differ says whether that is where a view stands. Begun at a snapshot it
// costs what was written since: the chain goes on from there, so that the
// same end proves the same outcomes in between.
func Replay(ctx context.Context, l ledger.Ledger, o ReplayOptions) (view.Position, error) {
	end, err := l.ReadPoint(ctx)
	if err != nil {
		return view.Position{}, err
	}
	if o.End > end {
		return view.Position{}, rolledBack(end, fmt.Sprintf("it ends there, and %d was folded", o.End-1))
	}
	if o.End != 0 {
		end = o.End
	}
	if o.Load == nil {
		o.Load = loadFold
	}
	p, from := newPipeline(), events.Offset(0)
	if o.From == nil {
		o.From = store.Beginning()
	}
	if p.fold, p.digest, err = resume(o.From, o.Load); err != nil {
		return view.Position{}, fmt.Errorf("beginning after record %d: %w", o.From.Position.Offset, err)
	}
	from = o.From.Position.Offset + 1
	p.ledger, p.size, p.end, p.commit = l, 1000, end, o.take(end)
	if end > from {
		if err := p.run(ctx, from); err != nil {
			return view.Position{}, err
		}
	}
	return p.digest.Settle(), nil
}

// take is what a replay does in place of a commit.
func (o *ReplayOptions) take(end events.Offset) func(*chunk) error {
	return func(c *chunk) error {
		for i := range c.entries {
			e := &c.entries[i]
			if o.Expect != nil {
				want, err := o.Expect.ChainAt(e.Result.Offset)
				if err != nil {
					return err
				}
				if want != e.Chain {
					return fmt.Errorf("%w at record %d: its chain is %x, not %x", ErrDiverged, e.Result.Offset, e.Chain[:8], want[:8])
				}
			}
			if o.Result != nil {
				o.Result(e.Result)
			}
		}
		if o.Progress != nil {
			o.Progress(int64(c.pos.Offset)+1, int64(end))
		}
		return nil
	}
}

// FirstDifference returns the first record up to last, which both have, where
// two views' chains differ; NoOffset: they are the same. It halves: 20 reads
// of each for a million records.
func FirstDifference(a, b view.Chains, last events.Offset) (events.Offset, error) {
	var failed error
	n := sort.Search(int(last+1), func(i int) bool {
		x, err := a.ChainAt(events.Offset(i))
		y, err2 := b.ChainAt(events.Offset(i))
		failed = errors.Join(failed, err, err2)
		return x != y
	})
	if failed != nil || n > int(last) {
		return events.NoOffset, failed
	}
	return events.Offset(n), nil
}

// Differ says in words how two positions differ; empty: they are the same.
// FirstDifference finds the record.
func Differ(a, b view.Position) string {
	switch {
	case a.Offset != b.Offset:
		return fmt.Sprintf("one ends at record %d, the other at %d", a.Offset, b.Offset)
	case a.Chain != b.Chain:
		return fmt.Sprintf("some outcome or change up to record %d differs: chain %x and %x", a.Offset, a.Chain[:8], b.Chain[:8])
	case a.State != b.State || a.Objects != b.Objects:
		return fmt.Sprintf("the live objects at record %d differ: %d with state %x, %d with %x", a.Offset, a.Objects, a.State[:8], b.Objects, b.State[:8])
	}
	return ""
}
