package follower

import (
	"context"
	"fmt"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/digest"
	"cairn/projections/view"
)

// ReplayOptions say how far to fold and whom to tell.
type ReplayOptions struct {
	End      events.Offset           // one past the last record to fold; 0: the ledger's end at the start
	Progress func(done, total int64) // records; called from another goroutine after each batch
	Load     Load                    // nil: the fold
}

// Replay folds a ledger from its first record, beside any view, and returns
// where it ends: Differ tells whether that is where a view stands.
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
	p := newPipeline()
	if p.fold, err = o.Load(func(func([]byte, []byte) bool) {}); err != nil {
		return view.Position{}, err
	}
	p.ledger, p.digest, p.size, p.end = l, digest.New(), 1000, end
	p.pause = func(error) {}
	p.commit = func(c *chunk) error {
		if o.Progress != nil {
			o.Progress(int64(c.pos.Offset)+1, int64(end))
		}
		return nil
	}
	if end > 0 {
		if err := p.run(ctx, 0); err != nil {
			return view.Position{}, err
		}
	}
	return p.digest.Settle(), nil
}

// Differ says in words how two positions differ; empty: they are the same. The
// first record that differs is found by replaying half as far, and again.
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
