package scheduler

import (
	"fmt"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

// cell is a fold with a scheduler that is told what it does.
type cell struct {
	t       testing.TB
	fold    *fold.State
	s       *Scheduler
	now     time.Time
	live    map[events.Ref]*fold.Change
	records int
}

func newCell(t testing.TB) *cell { return newCellOf(t, 24) }

// newCellOf is a cell whose nodes each have a range of that prefix length.
func newCellOf(t testing.TB, mask uint64) *cell {
	c := &cell{t: t, fold: fold.New(), s: New(), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), live: map[events.Ref]*fold.Change{}}
	c.must(&events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"}, Facts: events.Facts{Cell: &events.Cell{
		Name: "test", Incarnation: "1", Gate: events.Newest, Window: 1 << 30, PodRange: "10.0.0.0/8", ServiceRange: "192.168.0.0/16", NodeMask: mask}}})
	c.must(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "d"}, UID: "u-d"})
	return c
}

// apply folds a record and tells the scheduler.
func (c *cell) apply(e *events.Event) fold.Result {
	c.records++
	for i := range 8 {
		e.ID[15-i] = byte(c.records >> (8 * i))
	}
	if e.Base = c.fold.Last(); e.Type == events.ObjectCreated {
		e.Parts = []events.Part{{Column: events.Spec, Data: []byte("b")}}
	}
	r := c.fold.Apply(fold.Input{Offset: e.Base + 1, Time: c.now.UnixNano(), Event: e})
	for i := range r.Changes {
		if ch := &r.Changes[i]; ch.Deleted {
			delete(c.live, ch.Ref)
		} else {
			c.live[ch.Ref] = ch
		}
	}
	c.s.Take(&r)
	return r
}

func (c *cell) must(e *events.Event) fold.Result {
	c.t.Helper()
	r := c.apply(e)
	if !r.Outcome.Accepted() {
		c.t.Fatalf("%s %s: %s %s %v", e.Type, e.Subject, r.Outcome.Code, r.Outcome.Reason, r.Outcome.Args)
	}
	return r
}

// do appends what a plan says and counts the refused.
func (c *cell) do(p reconcile.Plan) (refused int) {
	for _, i := range p.Intents {
		if r := c.apply(&events.Event{Type: i.Record.Type, Subject: i.Record.Subject, UID: i.Record.UID, Cause: i.Cause, Facts: i.Record.Facts}); !r.Outcome.Accepted() {
			refused++
		}
	}
	return refused
}

func (c *cell) pod(name string) *fold.PodState {
	ch := c.live[podRef(name)]
	if ch == nil {
		return &fold.PodState{}
	}
	return ch.Projected.Pod
}

// node adds and registers a node.
func (c *cell) node(name string, n events.Node, labels ...events.Pair) {
	ref := events.Ref{Kind: events.Nodes, Name: name}
	n.Addresses = []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}
	c.must(&events.Event{Type: events.ObjectCreated, Subject: ref, UID: "u-" + name, Facts: events.Facts{Node: &n, Labels: labels}})
	c.must(&events.Event{Type: events.NodeRegistered, Subject: ref})
}

// create adds a pod; owner empty: of nobody.
func (c *cell) create(name, owner string, p events.Pod) {
	f := events.Facts{Pod: &p}
	if owner != "" {
		f.Owners = []events.Owner{{Kind: events.ReplicaSets, Name: owner, UID: "u-" + owner, Controller: true}}
	}
	c.must(&events.Event{Type: events.ObjectCreated, Subject: podRef(name), UID: fmt.Sprint("u-", name, "-", c.records), Facts: f})
}

// again is a scheduler that starts now, from what lives.
func (c *cell) again() *Scheduler {
	s := New()
	for _, kind := range s.Describe().Reads {
		for ref, ch := range c.live {
			if ref.Kind == kind {
				s.Put(&view.Object{Ref: ref, UID: ch.UID, Revision: ch.Revision, Written: ch.Written, Created: ch.Created, Facts: ch.Facts, Projected: ch.Projected})
			}
		}
	}
	return s
}

func podRef(name string) events.Ref {
	return events.Ref{Kind: events.Pods, Namespace: "d", Name: name}
}

func big(milliCPU, pods uint64) events.Node {
	return events.Node{Allocatable: events.Resources{MilliCPU: milliCPU, Memory: 64 << 30, Storage: 1 << 40, Pods: pods}}
}

func small(milliCPU uint64) events.Pod {
	return events.Pod{Requests: events.Resources{MilliCPU: milliCPU, Memory: 64 << 20}}
}
