package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Reads is what a hub lists from.
type Reads interface {
	view.Getter
	view.Lister
	view.Changes
	view.Records
	Position() view.Position
}

// Results is what a hub goes on from, see follower.Cell: Subscribe calls fn on
// its caller's goroutine.
type Results interface {
	Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error
	Done() <-chan struct{}
	Err() error
}

// Cell is what a hub needs of a follower.
type Cell interface {
	Reads
	Results
}

// ErrBehind ends a stream whose reader is too slow: it starts anew.
var ErrBehind = errors.New("hub: the reader is behind: start the stream anew")

// errOver ends what belongs to a generation that is over.
var errOver = errors.New("hub: the feeds are derived anew: start the stream anew")

// Hub derives a cell's feeds and streams them.
type Hub struct {
	cell      Cell
	log       *slog.Logger
	ringBytes int64

	mu   sync.Mutex
	now  *generation
	next chan struct{} // closed when now becomes another
}

// New makes a hub of a cell; log nil is slog.Default. It derives nothing before Run.
func New(cell Cell, log *slog.Logger) *Hub {
	if log == nil {
		log = slog.Default()
	}
	return &Hub{cell: cell, log: log, ringBytes: ringBytes, next: make(chan struct{})}
}

// Run derives the feeds until ctx ends or the cell stops, and returns that error.
func (h *Hub) Run(ctx context.Context) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		began := time.Now()
		err := h.generation(ctx)
		select {
		case <-h.cell.Done():
			return fmt.Errorf("hub: the cell stopped: %w", h.cell.Err())
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > time.Minute {
			pause = 100 * time.Millisecond
		}
		h.log.Warn("the nodes' feeds are derived anew", "error", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// generation derives from a list and what follows it, until that can't go on.
//
// Subscribing starts at the position listed from, so nothing lies between them.
func (h *Hub) generation(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := h.cell.Position()
	g := newGeneration(h.cell, at)
	defer g.end()
	loaded, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		err := h.cell.Subscribe(ctx, at.Offset, func(r *fold.Result) {
			select {
			case <-loaded:
			case <-ctx.Done():
			}
			if failed != nil || ctx.Err() != nil {
				return
			}
			if failed = g.apply(r); failed != nil {
				cancel()
			}
		})
		ended <- errors.Join(failed, err)
	}()
	err := g.load(h.ringBytes)
	if err == nil {
		close(loaded)
		h.become(g)
		defer h.become(nil)
		select {
		case err = <-ended:
			return err
		case <-ctx.Done():
		}
	}
	cancel()
	return errors.Join(err, <-ended)
}

func (h *Hub) become(g *generation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = g
	close(h.next)
	h.next = make(chan struct{})
}

func (h *Hub) current() (*generation, chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.next
}

// reach waits for a generation that has folded an offset.
func (h *Hub) reach(ctx context.Context, o events.Offset) (*generation, error) {
	for {
		g, next := h.current()
		if g != nil && g.wait(ctx, o) == nil {
			return g, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Registration is a node's current one; known is false where the hub has not
// folded far enough to tell about the registration asked for.
func (h *Hub) Registration(node string, asked events.Offset) (is events.Offset, known bool) {
	g, _ := h.current()
	if g == nil {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[node], asked <= g.at
}

// Members gives the current registration of each node that has one, as of an
// offset or later.
func (h *Hub) Members(ctx context.Context, o events.Offset) (map[string]events.Offset, error) {
	g, err := h.reach(ctx, o)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make(map[string]events.Offset, len(g.members))
	for name, r := range g.members {
		list[name] = r
	}
	return list, nil
}
