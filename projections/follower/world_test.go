package follower

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/memory"
	"cairn/projections/store"
)

// tick is a clock that moves on by itself; it may be read by many.
type tick struct{ now atomic.Int64 }

func (c *tick) read() int64 { return c.now.Add(1_000_000) }

func newLedger() *memory.Log { return memory.New(new(tick).read) }

// user makes records as API servers, schedulers and nodes would, at random: most
// of them sound, some refused.
type user struct {
	random *rand.Rand
	count  uint64
	cell   Cell // nil: base says nothing
}

func newUser(seed uint64) *user { return &user{random: rand.New(rand.NewPCG(seed, 3))} }

func (u *user) id() events.ID {
	u.count++
	id := events.ID{6: 0x70, 8: 0x80}
	for i := range 6 {
		id[15-i] = byte(u.count >> (8 * i))
	}
	id[0] = byte(u.random.Uint32())
	return id
}

func firstRecord(window uint64) *events.Event {
	return &events.Event{ID: events.ID{1}, Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"}, Base: events.NoOffset,
		Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "0b1c", R0: 1000, Gate: events.GateFirst, Window: window, PodRange: "10.66.0.0/16",
			ServiceRange: "10.67.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.67.0.10"}}}
}

func configMap(name string) *events.Event {
	return &events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: name}, UID: "u-" + name,
		Actor: events.Actor{User: "alice"}, Parts: []events.Part{{Column: events.Spec, Encoding: "e", APIVersion: "v1", Data: []byte("data of " + name)}}}
}

func namespace(name string) *events.Event {
	return &events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: name}, UID: "ns-" + name,
		Parts: []events.Part{{Column: events.Spec, Data: []byte("ns")}}}
}

// next makes a record after the one at base.
func (u *user) next(base events.Offset) *events.Event {
	e := u.draw()
	e.ID, e.Base = u.id(), max(0, base-events.Offset(u.random.IntN(20)))
	e.Actor, e.Claimed, e.Cause = events.Actor{User: "alice", Address: "10.0.0.7"}, int64(u.count), []events.Offset{base}
	return e
}

func (u *user) draw() *events.Event {
	n := u.random.IntN(6)
	ns := fmt.Sprint("ns", u.random.IntN(3))
	body := []events.Part{{Column: events.Spec, Encoding: "e", APIVersion: "v1", Data: fmt.Appendf(nil, "body %d", u.random.Uint32())}}
	labels := []events.Pair{{Key: "app", Value: fmt.Sprint(n % 2)}}
	pod := events.Ref{Kind: events.Pods, Namespace: ns, Name: fmt.Sprint("pod", n)}
	node := events.Ref{Kind: events.Nodes, Name: fmt.Sprint("n", n%2)}
	podFacts := events.Facts{Labels: labels, Pod: &events.Pod{Requests: events.Resources{MilliCPU: 10}}}
	switch u.random.IntN(14) {
	case 0:
		e := namespace(ns)
		return e
	case 1:
		return &events.Event{Type: events.ObjectCreated, Subject: node, UID: node.Name, Parts: body, Facts: events.Facts{Node: &events.Node{
			Allocatable: events.Resources{MilliCPU: 4000, Pods: 50}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}}}
	case 2:
		types := []events.Type{events.NodeRegistered, events.NodeLost, events.NodeReady}
		return &events.Event{Type: types[u.random.IntN(3)], Subject: node, UID: node.Name}
	case 3, 4:
		return &events.Event{Type: events.ObjectCreated, Subject: pod, UID: fmt.Sprint("p", u.count), Facts: podFacts, Parts: body}
	case 5, 6:
		return &events.Event{Type: events.PodPlaced, Subject: pod, Facts: events.Facts{Placement: &events.Placement{Node: node.Name, Registration: u.registration(node)}}}
	case 7:
		return &events.Event{Type: events.PodReported, Subject: pod, Parts: []events.Part{{Column: events.Status, Data: body[0].Data}}, Facts: events.Facts{Report: &events.Report{
			Epoch: 1, Registration: u.registration(node), Phase: events.Running, Ready: n%2 == 0, Incidents: []events.Incident{{Reason: "Started", Message: "m"}}}}}
	case 8:
		return &events.Event{Type: events.ObjectDeleted, Subject: pod}
	case 9:
		return &events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Services, Namespace: ns, Name: fmt.Sprint("svc", n%2)}, UID: fmt.Sprint("s", u.count), Parts: body,
			Facts: events.Facts{Service: &events.Service{Type: "ClusterIP", Selector: labels, Ports: []events.ServicePort{{Protocol: "TCP", Port: 80, Target: 8080}}}}}
	case 10:
		return &events.Event{Type: events.ObjectDeleted, Subject: events.Ref{Kind: events.Services, Namespace: ns, Name: fmt.Sprint("svc", n%2)}}
	case 11:
		return &events.Event{Type: events.ObjectUpdated, Subject: pod, Facts: podFacts, Parts: body, Require: events.Precondition{Written: events.Revision(n)}}
	case 12:
		return &events.Event{Type: events.StatusUpdated, Subject: pod, Facts: podFacts, Parts: []events.Part{{Column: events.Status, Data: body[0].Data}}}
	}
	e := configMap(fmt.Sprint("c", n))
	e.Subject.Namespace = ns
	return e
}

// registration guesses a node's from the view, as a scheduler would.
func (u *user) registration(node events.Ref) events.Offset {
	if u.cell != nil {
		if o, err := u.cell.Get(node, 0); err == nil && o.Projected != nil && o.Projected.Node != nil {
			return o.Projected.Node.Registration
		}
	}
	return 3
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// appendAll puts events into a ledger as they are.
func appendAll(t testing.TB, l ledger.Ledger, es ...*events.Event) {
	t.Helper()
	for _, e := range es {
		_, err := l.Append(t.Context(), [][]byte{events.AppendFrame(nil, e)})
		must(t, err)
	}
}

func openStore(t testing.TB, d *store.Disk) *store.Store {
	t.Helper()
	s, err := store.Open("view", store.Options{Disk: d, MemtableBytes: 64 << 10, ManifestEvery: 50})
	must(t, err)
	return s
}

// follow starts a follower over a store of its own; the test ends it.
func follow(t testing.TB, l ledger.Ledger, change ...func(*Options)) *Follower {
	t.Helper()
	s := openStore(t, store.MemoryDisk())
	o := Options{Ledger: l, Store: s, Log: slog.New(slog.DiscardHandler)} // errors are asked for, or fail the test
	for _, c := range change {
		c(&o)
	}
	f, err := Start(context.Background(), o)
	must(t, err)
	t.Cleanup(func() {
		f.Stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// cell starts a follower whose cell has record 0 and the namespace default.
func cell(t testing.TB, l ledger.Ledger, change ...func(*Options)) *Follower {
	t.Helper()
	appendAll(t, l, firstRecord(1<<17), withID(namespace("default"), 200))
	f := follow(t, l, change...)
	caughtUp(t, f)
	return f
}

func withID(e *events.Event, n byte) *events.Event {
	e.ID = events.ID{0xff, n}
	return e
}

func caughtUp(t testing.TB, f *Follower) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(t, f.ReadPoint(ctx))
}
