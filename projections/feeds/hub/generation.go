package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/feeds"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// generation is the feeds as derived from one list and what followed it.
//
// Invariant: at is the last record that the tables hold; ring, queues and
// changes say all that it changed.
type generation struct {
	cell  Reads
	start view.Position
	done  chan struct{} // closed when it is over

	mu      sync.Mutex
	at      events.Offset
	pods    *feeds.Pods
	network *feeds.Network
	members map[string]events.Offset
	ring    ring
	streams int // of VIPs
	nodes   map[string]map[*queue]bool
	topics  map[*topic]bool
	waiting map[chan struct{}]events.Offset
	mark    []byte // frame of a mark at markAt
	markAt  events.Offset

	listing sync.Mutex // held while a list is made
	list    *list      // the last one made; nil: none
}

func newGeneration(cell Reads, at view.Position) *generation {
	return &generation{cell: cell, start: at, done: make(chan struct{}), at: events.NoOffset, pods: feeds.NewPods(at.R0),
		members: map[string]events.Offset{}, nodes: map[string]map[*queue]bool{}, topics: map[*topic]bool{},
		waiting: map[chan struct{}]events.Offset{}, markAt: events.NoOffset - 1}
}

func (g *generation) end() { close(g.done) }

// lookBack is how many records before its start a generation looks for
// removals, so that nodes may go on at a server that has just started.
const lookBack = 4096

// load fills the tables as of the start; limit is the ring's, bytes.
func (g *generation) load(limit int64) error {
	floor := max(g.start.Offset-lookBack, events.NoOffset)
	network := feeds.NewNetwork(g.start.R0, floor)
	page := view.Page{At: g.start.Revision()}
	for _, kind := range feeds.VIPKinds() {
		for o, err := range view.All(g.cell, kind, page) {
			if err != nil {
				return fmt.Errorf("hub: list %s: %w", kind, err)
			}
			network.Set(o)
			g.member(o)
		}
	}
	if err := removals(g.cell, network, g.start, floor); err != nil {
		return err
	}
	for o, err := range view.All(g.cell, events.Pods, page) {
		if err != nil {
			return fmt.Errorf("hub: list pods: %w", err)
		}
		why := ""
		if o.Facts != nil && o.Facts.Deleting != 0 && feeds.NodeOf(o) != "" {
			why = whoDeletes(g.cell, o.Ref, g.start.Offset)
		}
		g.pods.Set(o, why)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.network, g.at = network, g.start.Offset
	g.ring.init(g.at, limit)
	return nil
}

func (g *generation) member(o *view.Object) {
	if o.Ref.Kind != events.Nodes {
		return
	}
	if o.Projected == nil || o.Projected.Node == nil || o.Projected.Node.Registration == 0 {
		delete(g.members, o.Ref.Name)
		return
	}
	g.members[o.Ref.Name] = o.Projected.Node.Registration
}

// apply takes a record's result. One goroutine calls it; what must be read
// from the view is read before the others are held up.
func (g *generation) apply(r *fold.Result) error {
	pods, err := g.whole(r)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	why := whoAsks(r)
	var told []byte
	for i := range r.Changes {
		c := &r.Changes[i]
		switch c.Ref.Kind {
		case events.Pods:
			g.pod(c, pods[c.Ref], why)
		case events.Nodes:
			told = g.node(c, r.Event.Type, told)
		case events.Services, events.EndpointSlices:
			told = g.vip(c, told)
		}
	}
	g.at = r.Offset
	if len(told) > 0 {
		g.ring.add(r.Offset, told)
	}
	for c, o := range g.waiting {
		if o <= g.at {
			delete(g.waiting, c)
			close(c)
		}
	}
	return nil
}

// whole reads the pods of a record that need it: newly placed by a record that
// does not carry their spec.
func (g *generation) whole(r *fold.Result) (map[events.Ref]*view.Object, error) {
	var list map[events.Ref]*view.Object
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Ref.Kind != events.Pods || c.Deleted || c.Spec != nil || feeds.NodeOf(objectOf(c)) == "" || g.pods.Has(c.Ref, c.UID) {
			continue
		}
		o, err := g.cell.Get(c.Ref, c.Revision)
		if err != nil {
			return nil, err
		}
		if list == nil {
			list = map[events.Ref]*view.Object{}
		}
		list[c.Ref] = o
	}
	return list, nil
}

func (g *generation) pod(c *fold.Change, whole *view.Object, why string) {
	var emit []*feeds.Placed
	switch {
	case c.Deleted:
		emit = g.pods.Remove(c.Ref, c.UID, c.Revision)
	case whole != nil:
		emit = g.pods.Set(whole, why)
	default:
		emit = g.pods.Set(objectOf(c), why)
	}
	for _, p := range emit {
		for q := range g.nodes[p.Node] {
			q.add(p.Frame)
		}
		for t := range g.topics {
			t.touch(spot{p.Node, p.Key}, p.Offset, true)
		}
	}
}

// node also has a node that has just registered get its mark at once: it waits
// for nothing else.
func (g *generation) node(c *fold.Change, by events.Type, told []byte) []byte {
	told = g.vip(c, told)
	if c.Deleted {
		delete(g.members, c.Ref.Name)
		return told
	}
	g.member(objectOf(c))
	if by == events.NodeRegistered {
		for q := range g.nodes[c.Ref.Name] {
			q.wakeUp()
		}
	}
	return told
}

func (g *generation) vip(c *fold.Change, told []byte) []byte {
	var emit []*feeds.Row
	if c.Deleted {
		emit = g.network.Remove(c.Ref, c.Revision)
	} else {
		emit = g.network.Set(objectOf(c))
	}
	for _, r := range emit {
		told, r.Stream = append(told, r.Stream...), nil // the ring has it from here on
		for t := range g.topics {
			t.touch(spot{key: r.Key}, r.Offset, false)
		}
	}
	return told
}

// wait returns once the generation has folded an offset.
func (g *generation) wait(ctx context.Context, o events.Offset) error {
	g.mu.Lock()
	if g.at >= o {
		g.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	g.waiting[c] = o
	g.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-g.done:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.waiting, c)
	return errOver
}

// marked gives the frame of a mark at the last record folded, the same for all
// who ask before the next. mu is held.
func (g *generation) marked() []byte {
	if g.markAt != g.at {
		g.mark, g.markAt = feed.AppendFrame(nil, &feed.VIPEntry{Offset: g.at, Mark: true}), g.at
	}
	return g.mark
}

// markEvery is how often about a stream says how far it is verified, when
// nothing else gives reason to; jittered, so that 5,000 do not do so at once.
const markEvery = 6 * time.Second
