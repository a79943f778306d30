package storage

import (
	"log/slog"
	"sort"
	"sync"

	"cairn/events"
	"cairn/projections/view"
)

// recent bounds the changes a hub keeps; slower watchers read from the view.
const recent = 2048

// hub is the dispatcher of one kind: it reads the view's changes once for all
// watchers. It starts with the first watcher.
//
// Invariant: ring holds every change of the kind in (from, upTo], in order.
type hub struct {
	engine *Engine
	kind   string
	signal chan struct{} // one slot: something may have changed

	mu      sync.Mutex
	started bool
	ring    []view.Delta
	from    events.Revision
	upTo    events.Revision
	moved   chan struct{} // closed when upTo moves
	shared  map[sharedKey]*shared
}

func newHub(e *Engine, kind string) *hub {
	return &hub{engine: e, kind: kind, signal: make(chan struct{}, 1), moved: make(chan struct{})}
}

func (h *hub) wake() {
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

func (h *hub) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started {
		return
	}
	h.started = true
	h.upTo = h.engine.cell.Position().Revision()
	h.from = h.upTo
	go h.run()
}

func (h *hub) run() {
	for {
		select {
		case <-h.engine.ctx.Done():
			return
		case <-h.signal:
		}
		h.advance()
	}
}

// advance reads on until the view has nothing new.
func (h *hub) advance() {
	for {
		h.mu.Lock()
		at := h.upTo
		h.mu.Unlock()
		list, upTo, err := h.engine.cell.Changes(h.kind, at, 512)
		if err != nil {
			slog.Error("watchers wait: the view does not answer", "kind", h.kind, "error", err)
			return
		}
		if upTo <= at {
			return
		}
		h.mu.Lock()
		h.ring = append(h.ring, list...)
		if over := len(h.ring) - recent; over > 0 {
			h.from = h.ring[over-1].Revision
			h.ring = append([]view.Delta(nil), h.ring[over:]...)
		}
		h.upTo = upTo
		close(h.moved)
		h.moved = make(chan struct{})
		h.mu.Unlock()
		if len(list) == 0 {
			return
		}
	}
}

// after returns the changes after r with the revision up to which they are
// complete, and a channel that is closed when there may be more.
func (h *hub) after(r events.Revision) ([]view.Delta, events.Revision, <-chan struct{}, error) {
	h.mu.Lock()
	moved := h.moved
	if r >= h.from {
		i := sort.Search(len(h.ring), func(i int) bool { return h.ring[i].Revision > r })
		list := h.ring[i:len(h.ring):len(h.ring)]
		upTo := max(h.upTo, r)
		h.mu.Unlock()
		return list, upTo, moved, nil
	}
	h.mu.Unlock()
	list, upTo, err := h.engine.cell.Changes(h.kind, r, 512)
	return list, upTo, moved, err
}
