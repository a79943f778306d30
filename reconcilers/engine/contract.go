package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

// View is what an engine reads. Moments are revisions; 0 means now.
type View interface {
	Position() view.Position
	// Get returns view.ErrNotFound where no such object lived at that moment.
	Get(ref events.Ref, at events.Revision) (*view.Object, error)
	List(kind string, page view.Page) (objects []*view.Object, more bool, err error)
}

// Results hands on what the fold made of each record, see follower.Cell.
type Results interface {
	Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error
	// Done is closed when no more will come; Err says why.
	Done() <-chan struct{}
	Err() error
}

// Ledger takes records, see follower.Cell.
type Ledger interface {
	WriteAll(ctx context.Context, es []*events.Event) ([]follower.Written, error)
	// ReadPoint returns once the view has folded all that was acknowledged
	// before the call: it proves touch with the ledger.
	ReadPoint(ctx context.Context) error
}

// Cell is all three, of one follower.
type Cell interface {
	View
	Results
	Ledger
}

// Identity is as whom a request is made: the reconciler's name.
type Identity struct{ Name string }

// Requests carries out API requests in process. verb is the HTTP method.
// An answer has the status and body that HTTP would have; it comes once the
// cell's view has folded what was written. err is for requests without an answer.
type Requests interface {
	Do(ctx context.Context, who Identity, causes []events.Offset, reason string,
		verb, path, contentType string, body []byte) (status int, out []byte, err error)
}

// Options say what an engine works with. Cell and Requests must be set.
type Options struct {
	Cell        Cell
	Requests    Requests
	Reconcilers []reconcile.Reconciler
	// Cores each have a loop of their own.
	Cores []reconcile.Core
	// Kinds are those that live in namespaces or have owners: what "*" means
	// where a reconciler watches it.
	Kinds []string
	// Silence says how long each node has not been heard of, given whether this
	// process has been in touch with the ledger since it was last asked. Nil:
	// nodes are not observed here. Only the engine's loop calls it.
	Silence func(now time.Time, connected bool) map[string]time.Duration
	Workers int              // requests at once; 0: 8
	NewID   func() events.ID // nil: UUIDv7
	Log     *slog.Logger     // nil: slog.Default
}

func (o *Options) fill() {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.NewID == nil {
		o.NewID = func() events.ID { return events.ID(uuid.Must(uuid.NewV7())) }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}
