package follower

import (
	"context"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Written is what became of a record.
type Written struct {
	Offset   events.Offset
	Revision events.Revision // of the subject's change; the record's last where the subject did not change
	Outcome  fold.Outcome
}

// Cell is a follower as its users see it: the API server and the engine.
type Cell interface {
	view.Reads
	// Write stamps Base, appends e and returns once this view has folded it.
	// A duplicate answers with the first outcome. An error that wraps
	// ledger.ErrUnknown means that the outcome is not known (yet).
	// ID, Claimed and Actor are the caller's to stamp.
	Write(ctx context.Context, e *events.Event) (Written, error)
	// WriteAll does the same for several records, appended together.
	WriteAll(ctx context.Context, es []*events.Event) ([]Written, error)
	// ReadPoint returns once this view has folded all that was acknowledged
	// before the call began.
	ReadPoint(ctx context.Context) error
	// Subscribe calls fn for every result after the offset, in order, on a
	// goroutine of its own, until ctx ends; fn may lag behind without holding
	// up the fold. `after` may not be below the view's position when it is called
	// by more than what is kept in memory: read the position first, list, and
	// subscribe from there.
	Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error
	// Done is closed when the follower has stopped; Err says why.
	Done() <-chan struct{}
	Err() error
}
