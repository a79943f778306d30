package hub

import (
	"context"
	"math/rand/v2"
	"time"

	"cairn/events"
)

// Write takes frames of a stream, to be sent before it returns. They are shared:
// it must not change them.
type Write func(frames ...[]byte) error

// queueBytes bounds what waits for one stream of assignments.
const queueBytes = 256 << 10

// queue is what one stream of assignments has not written yet.
type queue struct {
	wake   chan struct{} // of one place
	frames [][]byte      // guarded by the generation's mu, as all below
	bytes  int
	behind bool
}

func (q *queue) add(frame []byte) {
	if q.bytes += len(frame); q.bytes > queueBytes {
		q.behind, q.frames = true, nil
	} else {
		q.frames = append(q.frames, frame)
	}
	q.wakeUp()
}

func (q *queue) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Assignments writes the assignments of a node: each current one, a mark, then
// what changes with marks, until ctx ends, write fails, the stream is behind, or
// the hub starts anew; it returns that error. It begins once the hub has folded
// from, the last mark that the node has seen: an older list would take pods away.
func (h *Hub) Assignments(ctx context.Context, node string, from events.Offset, write Write) error {
	g, err := h.reach(ctx, from)
	if err != nil {
		return err
	}
	q := g.open(node)
	defer g.close(node, q)
	tick := time.NewTimer(soon())
	defer tick.Stop()
	for {
		frames, err := g.take(q)
		if err != nil {
			return err
		}
		if err := write(frames...); err != nil {
			return err
		}
		tick.Reset(soon())
		select {
		case <-q.wake:
		case <-tick.C:
		case <-g.done:
			return errOver
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open begins a queue with what is on the node.
func (g *generation) open(node string) *queue {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := &queue{wake: make(chan struct{}, 1)}
	for _, p := range g.pods.On(node) {
		q.frames = append(q.frames, p.Frame)
	}
	if g.nodes[node] == nil {
		g.nodes[node] = map[*queue]bool{}
	}
	g.nodes[node][q] = true
	return q
}

func (g *generation) close(node string, q *queue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.nodes[node], q)
	if len(g.nodes[node]) == 0 {
		delete(g.nodes, node)
	}
}

// take empties a queue, with a mark behind it.
func (g *generation) take(q *queue) ([][]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.behind {
		return nil, ErrBehind
	}
	frames := append(q.frames, g.marked())
	q.frames, q.bytes = nil, 0
	return frames, nil
}

// soon is when a mark is due.
func soon() time.Duration { return markEvery * time.Duration(75+rand.IntN(50)) / 100 }
