package steptest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// Start is when every world begins.
var Start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// World is a cell in memory.
//
// Invariant: results hold one entry per record, and versions what each left.
type World struct {
	mu       sync.Mutex
	more     *sync.Cond
	state    *fold.State
	now      time.Time
	results  []*fold.Result
	versions map[events.Ref][]*view.Object
	live     map[events.Ref]bool
	names    int // made up so far
	ids      uint64
	Refused  map[string]string // "POST pods" -> why
	Calls    []string          // requests, as "POST /api/v1/...", in order
}

var _ follower.Cell = (*World)(nil)

// New makes a cell with the namespace default.
func New() *World {
	w := &World{state: fold.New(), now: Start, versions: map[events.Ref][]*view.Object{}, live: map[events.Ref]bool{}, Refused: map[string]string{}}
	w.more = sync.NewCond(&w.mu)
	w.must(&events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"}, Facts: events.Facts{Cell: &events.Cell{
		Name: "test", Incarnation: "1", FoldVersion: 1, Window: 1 << 17, PodRange: "10.1.0.0/16", ServiceRange: "10.96.0.0/16", NodeMask: 24,
		NodePortLow: 30000, NodePortHigh: 32767, DNSAddress: "10.96.0.10"}}})
	w.Apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\nspec: {finalizers: [kubernetes]}")
	return w
}

func (w *World) must(e *events.Event) {
	got, err := w.Write(context.Background(), e)
	if err != nil || !got.Outcome.Accepted() {
		panic(fmt.Sprintf("steptest: %s %s: %v %v", e.Type, e.Subject, got.Outcome, err))
	}
}

// Now is the world's time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Pass lets time go by.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Write folds a record.
func (w *World) Write(ctx context.Context, e *events.Event) (follower.Written, error) {
	all, err := w.WriteAll(ctx, []*events.Event{e})
	if err != nil {
		return follower.Written{}, err
	}
	return all[0], nil
}

// WriteAll folds records one after the other.
func (w *World) WriteAll(_ context.Context, es []*events.Event) (out []follower.Written, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range es {
		if e.ID == (events.ID{}) {
			w.ids++
			for i := range 8 {
				e.ID[15-i] = byte(w.ids >> (8 * i))
			}
		}
		e.Base = w.state.Last()
		r := w.state.Apply(fold.Input{Offset: e.Base + 1, Time: w.now.UnixNano(), Event: e})
		for i := range r.Changes {
			w.keep(&r.Changes[i])
		}
		w.results = append(w.results, &r)
		out = append(out, follower.Written{Offset: r.Offset, Revision: events.RevisionOf(0, r.Offset, events.MaxOrdinal), Outcome: r.Outcome})
	}
	w.more.Broadcast()
	return out, nil
}

func (w *World) keep(c *fold.Change) {
	o := &view.Object{Ref: c.Ref, UID: c.UID, Revision: c.Revision, Written: c.Written, Created: c.Created, Facts: c.Facts, Projected: c.Projected, Spec: c.Spec, Status: c.Status}
	if list := w.versions[c.Ref]; len(list) > 0 && w.live[c.Ref] {
		last := list[len(list)-1]
		if o.Spec == nil {
			o.Spec = last.Spec
		}
		if o.Status == nil {
			o.Status = last.Status
		}
	}
	w.versions[c.Ref] = append(w.versions[c.Ref], o)
	w.live[c.Ref] = !c.Deleted
}

// Get reads an object, at 0 as it is now.
func (w *World) Get(ref events.Ref, at events.Revision) (*view.Object, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at == 0 {
		if !w.live[ref] {
			return nil, view.ErrNotFound
		}
		return w.versions[ref][len(w.versions[ref])-1], nil
	}
	for _, o := range slices.Backward(w.versions[ref]) {
		if o.Revision <= at.Last() {
			return o, nil
		}
	}
	return nil, view.ErrNotFound
}

// List lists what there is now.
func (w *World) List(kind string, page view.Page) (list []*view.Object, more bool, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range slices.SortedFunc(maps.Keys(w.live), events.Ref.Compare) {
		if w.live[ref] && ref.Kind == kind && (page.Namespace == "" || ref.Namespace == page.Namespace) && ref.Compare(page.After) > 0 {
			if page.Limit > 0 && len(list) == page.Limit {
				return list, true, nil
			}
			list = append(list, w.versions[ref][len(w.versions[ref])-1])
		}
	}
	return list, false, nil
}

// Subscribe hands on results.
func (w *World) Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.more.Broadcast()
	})
	go func() {
		defer stop()
		for next := int(after + 1); ; next++ {
			w.mu.Lock()
			for len(w.results) <= next && ctx.Err() == nil {
				w.more.Wait()
			}
			if ctx.Err() != nil {
				w.mu.Unlock()
				return
			}
			r := w.results[next]
			w.mu.Unlock()
			fn(r)
		}
	}()
	return nil
}

// Await waits for the record at an offset, but no longer than limit.
func (w *World) Await(o events.Offset, limit time.Duration) {
	late := false
	wake := time.AfterFunc(limit, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.more.Broadcast()
	})
	defer wake.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.results) <= int(o) && !late {
		w.more.Wait()
	}
}

// Position is how far the world is.
func (w *World) Position() view.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return view.Position{Offset: w.state.Last(), Time: w.now.UnixNano(), Cell: w.state.Cell(), Objects: len(w.live)}
}

// What follows is there to be a follower.Cell; nothing here calls it.

// ReadPoint answers at once: a world is never behind.
func (w *World) ReadPoint(ctx context.Context) error { return ctx.Err() }

// Wait answers at once.
func (w *World) Wait(ctx context.Context, _ events.Offset) error { return ctx.Err() }

// Done never closes.
func (w *World) Done() <-chan struct{} { return nil }

// Err is nil.
func (w *World) Err() error { return nil }

// Changes keeps no index of changes.
func (w *World) Changes(string, events.Revision, int) ([]view.Delta, events.Revision, error) {
	return nil, 0, view.ErrNotFound
}

// Record tells of a folded record.
func (w *World) Record(o events.Offset) (*view.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o < 0 || int(o) >= len(w.results) {
		return nil, view.ErrNotFound
	}
	r := w.results[o]
	return &view.Record{Offset: o, Time: r.Time, Type: r.Event.Type, Subject: r.Event.Subject, Actor: r.Event.Actor.Who(), Outcome: r.Outcome}, nil
}

// Touching lists the records about an object.
func (w *World) Touching(ref events.Ref, from, to events.Offset, _ int) (list []events.Offset, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.results {
		if r.Event.Subject == ref && r.Offset >= from && r.Offset < to {
			list = append(list, r.Offset)
		}
	}
	return list, nil
}

// OffsetAt is not kept.
func (w *World) OffsetAt(int64) (events.Offset, error) { return events.NoOffset, view.ErrNotFound }
