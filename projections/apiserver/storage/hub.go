package storage

import (
	"log/slog"
	"sort"
	"sync"

	"cairn/events"
	"cairn/projections/view"
)

// What a kind keeps for its watchers: changes in a ring, so that all of them
// read the view once, and objects converted and encoded once (shared.go). Both
// are bounded by bytes, for a change of a pod weighs a hundredth of one of a
// large config map: bounded by count alone, one watch and 400 updates of a
// config map of 1 MB held 760 MB. A watcher that falls behind the ring reads
// from the view, a chunk at a time.
const (
	ringBytes  = 4 << 20 // by the parts' size
	ringMost   = 2048    // changes
	chunkBytes = 1 << 20 // what one watcher takes at once
	chunkMost  = 256
)

// hub is the dispatcher of one kind. It starts with the first watcher.
//
// Invariant: ring holds every change of the kind in (from, upTo], in order, and
// held is the sum of their weights: at most ringBytes, or there is one alone.
type hub struct {
	engine *Engine
	kind   string
	signal chan struct{} // one slot: something may have changed
	shares *shares

	mu      sync.Mutex
	started bool
	ring    []weighed
	held    int
	from    events.Revision
	upTo    events.Revision
	moved   chan struct{} // closed when upTo moves
	mean    int           // what a change weighed when last read; 0: not read yet
}

type weighed struct {
	view.Delta
	bytes int
}

func newHub(e *Engine, kind string) *hub {
	return &hub{engine: e, kind: kind, signal: make(chan struct{}, 1), moved: make(chan struct{}), shares: newShares(e.cacheMost / 2)}
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
	h.engine.begin(h.run)
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
		list, upTo, err := h.read(at)
		if err != nil {
			slog.Error("watchers wait: the view does not answer", "kind", h.kind, "error", err)
			return
		}
		if upTo <= at {
			return
		}
		h.mu.Lock()
		h.push(list)
		h.upTo = upTo
		close(h.moved)
		h.moved = make(chan struct{})
		h.mu.Unlock()
		if len(list) == 0 {
			return
		}
	}
}

// read takes a chunk of changes from the view: so many as weigh about chunkBytes.
func (h *hub) read(after events.Revision) ([]weighed, events.Revision, error) {
	h.mu.Lock()
	limit := 16
	if h.mean > 0 {
		limit = min(max(chunkBytes/h.mean, 1), chunkMost)
	}
	h.mu.Unlock()
	list, upTo, err := h.engine.cell.Changes(h.kind, after, limit)
	if err != nil || len(list) == 0 {
		return nil, upTo, err
	}
	out, sum := make([]weighed, len(list)), 0
	for i, d := range list {
		out[i] = weighed{d, weighDelta(&d)}
		sum += out[i].bytes
	}
	h.mu.Lock()
	h.mean = sum / len(list)
	h.mu.Unlock()
	return out, upTo, nil
}

func weighDelta(d *view.Delta) int {
	n := overhead
	for _, o := range []*view.Object{d.Object, d.Previous} {
		if o != nil {
			n += weigh(o)
		}
	}
	return n
}

// push adds changes to the ring and forgets the oldest. The ring's array is
// nobody else's: what watchers take is copied.
func (h *hub) push(list []weighed) {
	h.ring = append(h.ring, list...)
	for _, d := range list {
		h.held += d.bytes
	}
	drop := 0
	for len(h.ring)-drop > 1 && (h.held > ringBytes || len(h.ring)-drop > ringMost) {
		h.held -= h.ring[drop].bytes
		h.from = h.ring[drop].Revision
		drop++
	}
	if drop > 0 {
		n := copy(h.ring, h.ring[drop:])
		clear(h.ring[n:])
		h.ring = h.ring[:n]
	}
}

// after returns the next changes after r with the revision up to which they are
// complete, and a channel that is closed when there may be more.
func (h *hub) after(r events.Revision) ([]weighed, events.Revision, <-chan struct{}, error) {
	h.mu.Lock()
	moved := h.moved
	if r < h.from {
		h.mu.Unlock()
		list, upTo, err := h.read(r)
		return list, upTo, moved, err
	}
	defer h.mu.Unlock()
	i := sort.Search(len(h.ring), func(i int) bool { return h.ring[i].Revision > r })
	end, sum := i, 0
	for end < len(h.ring) && end-i < chunkMost && (end == i || sum+h.ring[end].bytes <= chunkBytes) {
		sum += h.ring[end].bytes
		end++
	}
	upTo := max(h.upTo, r)
	if end < len(h.ring) {
		upTo = h.ring[end-1].Revision
	}
	return append([]weighed(nil), h.ring[i:end]...), upTo, moved, nil
}
