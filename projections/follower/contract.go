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
	// Subscribe calls fn for every result after an offset, in order, on the
	// caller's goroutine, until ctx ends (it returns ctx's error), the follower
	// stops (its error, which wraps view.ErrStopped), or the subscriber is
	// behind by more than is kept in memory for all: then the error wraps
	// ErrBehind. fn may take its time; it holds up neither the fold nor others.
	// To begin: read the position, subscribe from there on a goroutine, list as
	// of there.
	Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error
	// Done is closed when the follower has stopped; Err says why.
	Done() <-chan struct{}
	Err() error
}
