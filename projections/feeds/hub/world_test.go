package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/feeds"
	"cairn/projections/feeds/feedstest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// world is a cell that keeps what was published, for hubs that start at any time.
type world struct {
	Cell // whatever else a hub might ask is a bug of the test

	mu      sync.Mutex
	at      events.Offset
	objects map[events.Ref]*view.Object
	deltas  []view.Delta
	results []*fold.Result
	tell    map[int]func(*fold.Result)
	asked   int
}

func newWorld() *world {
	return &world{at: 0, objects: map[events.Ref]*view.Object{}, tell: map[int]func(*fold.Result){}}
}

func (w *world) Position() view.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return view.Position{Offset: w.at}
}

func (w *world) Done() <-chan struct{} { return nil }

func (w *world) List(kind string, _ view.Page) (list []*view.Object, more bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ref, o := range w.objects {
		if ref.Kind == kind {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *view.Object) int { return a.Ref.Compare(b.Ref) })
	return list, false, nil
}

func (w *world) Changes(kind string, after events.Revision, _ int) (list []view.Delta, upTo events.Revision, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.deltas {
		if d.Ref.Kind == kind && d.Revision > after {
			list = append(list, d)
		}
	}
	return list, events.RevisionOf(0, w.at, events.MaxOrdinal), nil
}

func (w *world) Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error {
	w.mu.Lock()
	w.asked++
	id := w.asked
	queue := make(chan *fold.Result, 10000)
	for _, r := range w.results {
		if r.Offset > after {
			queue <- r
		}
	}
	w.tell[id] = func(r *fold.Result) { queue <- r }
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.tell, id)
	}()
	for {
		select {
		case r := <-queue:
			fn(r)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publish folds a record that sets objects, or removes those without Facts and Projected.
func (w *world) publish(t events.Type, objects ...*view.Object) events.Offset {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at++
	r := &fold.Result{Offset: w.at, Event: &events.Event{Type: t, Actor: events.Actor{User: "alice"}}}
	for i, o := range objects {
		was := w.objects[o.Ref]
		now := *o
		now.Revision = events.RevisionOf(0, w.at, i)
		c := fold.Change{Ref: o.Ref, UID: o.UID, Revision: now.Revision, Facts: o.Facts, Projected: o.Projected, Spec: o.Spec}
		if c.Deleted = o.Facts == nil && o.Projected == nil; c.Deleted {
			delete(w.objects, o.Ref)
		} else {
			w.objects[o.Ref] = &now
		}
		r.Changes = append(r.Changes, c)
		w.deltas = append(w.deltas, view.Delta{Ref: o.Ref, Revision: now.Revision, Deleted: c.Deleted, Object: &now, Previous: was})
	}
	w.results = append(w.results, r)
	for _, tell := range w.tell {
		tell(r)
	}
	return w.at
}

// whole is what a node that begins now would hold: each object's entry, taken once.
func (w *world) whole(t *testing.T) *feed.Table {
	table := feed.NewTable()
	for _, kind := range feeds.VIPKinds() {
		list, _, _ := w.List(kind, view.Page{})
		for _, o := range list {
			if feeds.VIPKey(o) == "" {
				continue
			}
			if err := table.Take(feeds.VIP(0, o)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return table
}

// step changes something at random.
func (w *world) step(random *rand.Rand) {
	name := fmt.Sprintf("s%d", random.IntN(4))
	switch n := random.IntN(12); {
	case n == 0:
		w.publish(events.ObjectCreated, feedstest.ServiceNamed(name, random.IntN(100)))
	case n == 1:
		w.publish(events.ObjectDeleted, &view.Object{Ref: feedstest.Namespaced(events.Services, name)})
	case n == 2:
		w.publish(events.ObjectCreated, feedstest.NodeNumbered(random.IntN(5)))
	case n == 3:
		w.publish(events.ObjectDeleted, &view.Object{Ref: events.Ref{Kind: events.Nodes, Name: fmt.Sprintf("n%d", random.IntN(5))}})
	case n == 4:
		w.publish(events.ObjectDeleted, &view.Object{Ref: feedstest.Namespaced(events.EndpointSlices, name+"-0")})
	case n == 5:
		w.publish(events.PodReported, feedstest.PodNumbered(1, 1)) // nothing to do with VIPs
	default:
		st := &fold.SliceState{Service: name, Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}, Targets: []uint64{8080}}
		if random.IntN(20) == 0 {
			st.Service = "s0" // a slice that serves another
		}
		for i := range 8 {
			st.Backends = append(st.Backends, fold.Backend{Address: fmt.Sprintf("10.1.0.%d", i), Ready: random.IntN(6) > 0, Node: fmt.Sprintf("n%d", random.IntN(2)*i)})
		}
		w.publish(events.ContainerStarted, &view.Object{Ref: feedstest.Namespaced(events.EndpointSlices, fmt.Sprintf("%s-%d", name, random.IntN(2))), UID: "x", Projected: &fold.Projected{Slice: st}})
	}
}
