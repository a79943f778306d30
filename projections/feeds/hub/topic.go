package hub

import (
	"context"
	"time"

	"cairn/events"
)

// Feed names one of the two.
type Feed uint8

const (
	AssignmentsFeed Feed = iota
	VIPsFeed
)

// Change is what a key of a feed says now.
type Change struct {
	Node   string // with assignments: whose
	Key    string
	Offset events.Offset
	Gone   bool
	Frame  []byte // its entry, whole, see feed.AppendFrame; shared
}

// topicBytes bounds the keys that wait for one who writes a topic.
const topicBytes = 64 << 20

// spot is a key, with assignments on a node.
type spot struct{ node, key string }

// topic is what one who writes a topic has not taken yet: keys alone. What a
// key says is looked up when it is taken, so that a topic that is slow, or away,
// gets the last of many changes, and what waits is no more than what lives.
type topic struct {
	pods   bool
	wake   chan struct{} // of one place
	dirty  map[spot]events.Offset
	bytes  int
	behind bool
}

func (t *topic) touch(s spot, o events.Offset, pod bool) {
	if t.pods != pod || t.behind {
		return
	}
	if _, known := t.dirty[s]; !known {
		t.bytes += len(s.node) + len(s.key) + 64
	}
	if t.dirty[s] = o; t.bytes > topicBytes {
		t.behind, t.dirty = true, nil
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Changes calls fn with every entry of a feed, then with those that changed,
// and the offset up to which they are all; without any every few seconds. It
// ends as Assignments does. fn may take its time.
func (h *Hub) Changes(ctx context.Context, which Feed, fn func([]Change, events.Offset) error) error {
	g, err := h.reach(ctx, events.NoOffset)
	if err != nil {
		return err
	}
	t := &topic{pods: which == AssignmentsFeed, wake: make(chan struct{}, 1), dirty: map[spot]events.Offset{}}
	g.join(t)
	defer g.leave(t)
	tick := time.NewTimer(soon())
	defer tick.Stop()
	for {
		changes, at, err := g.drain(t)
		if err != nil {
			return err
		}
		if err := fn(changes, at); err != nil {
			return err
		}
		tick.Reset(soon())
		select {
		case <-t.wake:
		case <-tick.C:
		case <-g.done:
			return errOver
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *generation) join(t *topic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.topics[t] = true
	if t.pods {
		for key, p := range g.pods.All() {
			t.dirty[spot{p.Node, key}] = p.Offset
		}
		return
	}
	rows, _ := g.network.Rows()
	for _, r := range rows {
		if !r.Gone {
			t.dirty[spot{key: r.Key}] = r.Offset
		}
	}
}

func (g *generation) leave(t *topic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.topics, t)
}

func (g *generation) drain(t *topic) (list []Change, at events.Offset, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.behind {
		return nil, 0, ErrBehind
	}
	for s, o := range t.dirty {
		list = append(list, g.change(t, s, o))
	}
	t.dirty, t.bytes = map[spot]events.Offset{}, 0
	return list, g.at, nil
}

func (g *generation) change(t *topic, s spot, o events.Offset) Change {
	if t.pods {
		if p := g.pods.Get(s.key); p != nil && p.Node == s.node {
			return Change{Node: s.node, Key: s.key, Offset: p.Offset, Frame: p.Frame}
		}
	} else if r := g.network.Get(s.key); r != nil {
		return Change{Key: s.key, Offset: r.Offset, Frame: r.Frame}
	}
	return Change{Node: s.node, Key: s.key, Offset: o, Gone: true}
}
