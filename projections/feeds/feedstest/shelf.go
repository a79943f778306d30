package feedstest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Fleet is how many nodes Large has.
const Fleet = 5000

// Shelf is a cell of objects made up, for benchmarks: it has one subscriber,
// and no past.
type Shelf struct {
	at   events.Offset
	list map[string][]*view.Object

	mu   sync.Mutex
	tell func(*fold.Result)
}

func (c *Shelf) Position() view.Position { return view.Position{Offset: c.at} }
func (c *Shelf) Done() <-chan struct{}   { return nil }
func (c *Shelf) Err() error              { return nil }

func (c *Shelf) Get(events.Ref, events.Revision) (*view.Object, error) { return nil, view.ErrNotFound }
func (c *Shelf) Record(events.Offset) (*view.Record, error)            { return nil, view.ErrNotFound }
func (c *Shelf) Touching(events.Ref, events.Offset, events.Offset, int) ([]events.Offset, error) {
	return nil, nil
}

func (c *Shelf) List(kind string, _ view.Page) ([]*view.Object, bool, error) {
	return c.list[kind], false, nil
}

func (c *Shelf) Changes(string, events.Revision, int) ([]view.Delta, events.Revision, error) {
	return nil, events.RevisionOf(0, c.at, events.MaxOrdinal), nil
}

func (c *Shelf) Subscribe(ctx context.Context, _ events.Offset, fn func(*fold.Result)) error {
	c.mu.Lock()
	c.tell = fn
	c.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// Publish folds a record that changes objects, and returns when the hub has it.
func (c *Shelf) Publish(t events.Type, objects ...*view.Object) {
	c.at++
	r := &fold.Result{Offset: c.at, Event: &events.Event{Type: t}}
	for _, o := range objects {
		rev := events.RevisionOf(0, c.at, len(r.Changes))
		r.Changes = append(r.Changes, fold.Change{Ref: o.Ref, UID: o.UID, Revision: rev, Facts: o.Facts, Projected: o.Projected, Spec: o.Spec})
	}
	for {
		c.mu.Lock()
		tell := c.tell
		c.mu.Unlock()
		if tell != nil { // the hub has subscribed
			tell(r)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Namespaced names an object in the namespace default.
func Namespaced(kind, name string) events.Ref {
	return events.Ref{Kind: kind, Namespace: "default", Name: name}
}

// PodNumbered is a pod placed on a node.
func PodNumbered(i, node int) *view.Object {
	return &view.Object{Ref: Namespaced(events.Pods, fmt.Sprintf("web-%d", i)), UID: fmt.Sprintf("0198a5c2-7c58-7a8f-9c1e-%012d", i), Revision: 1 << 20,
		Facts: &events.Facts{}, Spec: &events.Part{Data: []byte("body")}, Projected: &fold.Projected{Pod: &fold.PodState{
			Node: fmt.Sprintf("n%d", node), Epoch: 1, Registration: 5, Placed: 3, Address: fmt.Sprintf("10.1.%d.%d", i/250, i%250)}}}
}

// SliceNumbered is a slice of the service web with a hundred pods; down of them is not ready.
func SliceNumbered(n, down int) *view.Object {
	st := &fold.SliceState{Service: "web", Number: uint64(n), Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}, Targets: []uint64{8080}}
	for i := range fold.MaxSlice {
		pod := n*fold.MaxSlice + i
		st.Backends = append(st.Backends, fold.Backend{Address: fmt.Sprintf("10.1.%d.%d", pod/250, pod%250), Node: fmt.Sprintf("n%d", pod%Fleet),
			Pod: fmt.Sprintf("web-%d", pod), PodUID: fmt.Sprintf("0198a5c2-7c58-7a8f-9c1e-%012d", pod), Ready: i != down, Serving: true})
	}
	return &view.Object{Ref: Namespaced(events.EndpointSlices, fmt.Sprintf("web-12345678-%d", n)), UID: "s", Revision: 1 << 20, Projected: &fold.Projected{Slice: st}}
}

// ServiceNamed is a service with a port http.
func ServiceNamed(name string, i int) *view.Object {
	return &view.Object{Ref: Namespaced(events.Services, name), UID: name, Revision: 1 << 20,
		Facts:     &events.Facts{Service: &events.Service{Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80}}}},
		Projected: &fold.Projected{Service: &fold.ServiceState{ClusterIP: fmt.Sprintf("10.96.%d.%d", i/250, i%250)}}}
}

// NodeNumbered is a node with a range.
func NodeNumbered(i int) *view.Object {
	name := fmt.Sprintf("n%d", i)
	return &view.Object{Ref: events.Ref{Kind: events.Nodes, Name: name}, UID: name, Revision: 1 << 20,
		Facts:     &events.Facts{Node: &events.Node{Addresses: []events.Pair{{Key: "InternalIP", Value: fmt.Sprintf("192.168.%d.%d", i/250, i%250)}}}},
		Projected: &fold.Projected{Node: &fold.NodeState{Registration: 5, PodRange: fmt.Sprintf("10.%d.%d.0/24", 1+i/250, i%250)}}}
}

// Large is a cell of 5,000 nodes with a pod each, all behind one service of 501.
func Large() *Shelf {
	c := &Shelf{at: 10, list: map[string][]*view.Object{}}
	for i := range Fleet {
		c.list[events.Pods] = append(c.list[events.Pods], PodNumbered(i, i))
		c.list[events.Nodes] = append(c.list[events.Nodes], NodeNumbered(i))
	}
	for n := range Fleet / fold.MaxSlice {
		c.list[events.EndpointSlices] = append(c.list[events.EndpointSlices], SliceNumbered(n, -1))
	}
	c.list[events.Services] = append(c.list[events.Services], ServiceNamed("web", 1000))
	for i := range 500 {
		c.list[events.Services] = append(c.list[events.Services], ServiceNamed(fmt.Sprintf("s%d", i), i))
	}
	return c
}
