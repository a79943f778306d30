package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"cairn/events"
	"cairn/projections/follower"
	"cairn/reconcilers/step"
)

// Identity is as whom a request is made: the reconciler's name.
type Identity struct{ Name string }

// Requests carries out API requests in process. verb is the HTTP method.
// An answer has the status and body that HTTP would have; it comes once the
// cell's view has folded what was written. err is for requests without an answer.
type Requests interface {
	Do(ctx context.Context, who Identity, causes []events.Offset, reason string,
		verb, path, contentType string, body []byte) (status int, out []byte, err error)
}

// Clock is the engine's time; tests bring their own.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Options say what an engine works with. Cell, Requests and Reconcilers must be set.
type Options struct {
	Cell        follower.Cell
	Requests    Requests
	Reconcilers []step.Reconciler
	// Kinds are those the picture follows beside what reconcilers read: all that
	// live in namespaces or have owners, so that both can be cleaned up.
	Kinds []string
	// Silence says how long each node has not been heard of, given whether this
	// process has been in touch with the ledger since it was last asked. Nil:
	// nodes are not observed here. Only the engine's loop calls it.
	Silence func(now time.Time, connected bool) map[string]time.Duration
	Workers int              // requests at once; 0: 8
	Clock   Clock            // nil: the machine's
	NewID   func() events.ID // nil: UUIDv7
	Log     *slog.Logger     // nil: slog.Default
}

func (o *Options) fill() {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.Clock == nil {
		o.Clock = machineClock{}
	}
	if o.NewID == nil {
		o.NewID = func() events.ID { return events.ID(uuid.Must(uuid.NewV7())) }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
