package feedstest

import (
	"sync/atomic"
	"testing"

	"cairn/events"
	"cairn/events/ledger/memory"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// Cell is a real one on a ledger in memory, with namespace default.
type Cell struct {
	*follower.Follower
	t testing.TB
}

var ids atomic.Uint32

// Start makes a cell.
func Start(t testing.TB) *Cell {
	t.Helper()
	var clock atomic.Int64
	log := memory.New(func() int64 { return clock.Add(1e6) })
	s, err := store.Open("view", store.Options{Disk: store.MemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := follower.Start(t.Context(), follower.Options{Ledger: log, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Stop()
		_ = s.Close() // both are in memory
		_ = log.Close()
	})
	c := &Cell{f, t}
	c.Append(&events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "c"}, Facts: events.Facts{Cell: &events.Cell{
		Name: "c", Incarnation: "1", R0: 500, Gate: events.GateFirst, Window: 1 << 17, PodRange: "10.1.0.0/16", ServiceRange: "10.96.0.0/16", NodeMask: 24,
		NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.96.0.10"}}})
	c.Append(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "default"}, UID: "d", Parts: Body})
	return c
}

// Body is what every object's spec holds here.
var Body = []events.Part{{Column: events.Spec, Data: []byte("body")}}

// Append appends a record, and gives its offset once it is folded and accepted.
func (c *Cell) Append(e *events.Event) events.Offset {
	c.t.Helper()
	n := ids.Add(1)
	e.ID = events.ID{1, 14: byte(n >> 8), 15: byte(n)}
	w, err := c.Write(c.t.Context(), e)
	if err != nil || !w.Outcome.Accepted() {
		c.t.Fatalf("%s: %v %v", e.Type, w.Outcome, err)
	}
	return w.Offset
}

// Node names a node.
func Node(name string) events.Ref { return events.Ref{Kind: events.Nodes, Name: name} }

// Pod names a pod in the namespace default.
func Pod(name string) events.Ref {
	return events.Ref{Kind: events.Pods, Namespace: "default", Name: name}
}

// Join creates a node and has it register.
func (c *Cell) Join(node string) (registration events.Offset) {
	c.t.Helper()
	c.Append(&events.Event{Type: events.ObjectCreated, Subject: Node(node), UID: node, Parts: Body, Facts: events.Facts{Node: &events.Node{
		Allocatable: events.Resources{Pods: 99}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}}})
	return c.Register(node)
}

// Register has a node's daemon start.
func (c *Cell) Register(node string) events.Offset {
	c.t.Helper()
	return c.Append(&events.Event{Type: events.NodeRegistered, Subject: Node(node), UID: node})
}

// Place creates a pod and places it; its uid is its name.
func (c *Cell) Place(pod, node string, labels ...events.Pair) events.Offset {
	c.t.Helper()
	c.Append(&events.Event{Type: events.ObjectCreated, Subject: Pod(pod), UID: pod, Parts: Body, Facts: events.Facts{Labels: labels, Pod: &events.Pod{}}})
	n, err := c.Get(Node(node), 0)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Append(&events.Event{Type: events.PodPlaced, Subject: Pod(pod),
		Facts: events.Facts{Placement: &events.Placement{Node: node, Registration: n.Projected.Node.Registration}}})
}

// Report has the pod's node say what it is.
func (c *Cell) Report(t events.Type, pod string, phase events.Phase, ready bool) events.Offset {
	c.t.Helper()
	o, err := c.Get(Pod(pod), 0)
	if err != nil {
		c.t.Fatal(err)
	}
	p := o.Projected.Pod
	return c.Append(&events.Event{Type: t, Subject: Pod(pod), UID: pod, Actor: events.Actor{Node: p.Node}, Facts: events.Facts{Report: &events.Report{
		Epoch: p.Epoch, Registration: p.Registration, Phase: phase, Ready: ready}}})
}

// Delete has alice ask for a pod's deletion.
func (c *Cell) Delete(pod, reason string) events.Offset {
	c.t.Helper()
	return c.Append(&events.Event{Type: events.DeletionRequested, Subject: Pod(pod), UID: pod, Actor: events.Actor{User: "alice", Address: "10.0.0.7"}, Reason: reason,
		Facts: events.Facts{Pod: &events.Pod{}, Deleting: 77, Grace: 30}})
}

// Serve creates a service with a port http for pods with that label.
func (c *Cell) Serve(name string, label events.Pair) events.Offset {
	c.t.Helper()
	return c.Append(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Services, Namespace: "default", Name: name}, UID: name, Parts: Body,
		Facts: events.Facts{Service: &events.Service{Type: "ClusterIP", Selector: []events.Pair{label},
			Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, Target: 8080}}}}})
}
