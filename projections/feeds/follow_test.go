package feeds_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/ledger/memory"
	"cairn/projections/feeds"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// cell starts a real one on a ledger in memory, with node n1 and pod p placed on it.
func cell(t *testing.T) *follower.Follower {
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
		_ = s.Close()
		_ = log.Close()
	})
	body := []events.Part{{Column: events.Spec, Data: []byte("body")}}
	write(t, f, &events.Event{Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "c"}, Facts: events.Facts{Cell: &events.Cell{
		Name: "c", Incarnation: "1", R0: 500, FoldVersion: 1, Window: 1 << 17, PodRange: "10.1.0.0/16", ServiceRange: "10.96.0.0/16", NodeMask: 24,
		NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.96.0.10"}}})
	write(t, f, &events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "default"}, UID: "d", Parts: body})
	write(t, f, &events.Event{Type: events.ObjectCreated, Subject: n1, UID: "n1", Parts: body, Facts: events.Facts{Node: &events.Node{
		Allocatable: events.Resources{Pods: 9}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}}})
	registered := write(t, f, &events.Event{Type: events.NodeRegistered, Subject: n1, UID: "n1"})
	write(t, f, &events.Event{Type: events.ObjectCreated, Subject: pod, UID: "u", Parts: body, Facts: events.Facts{Pod: &events.Pod{}}})
	write(t, f, &events.Event{Type: events.PodPlaced, Subject: pod, Facts: events.Facts{Placement: &events.Placement{Node: "n1", Registration: registered}}})
	return f
}

var (
	n1  = events.Ref{Kind: events.Nodes, Name: "n1"}
	pod = events.Ref{Kind: events.Pods, Namespace: "default", Name: "p"}
	ids atomic.Uint32
)

func write(t *testing.T, f *follower.Follower, e *events.Event) events.Offset {
	t.Helper()
	n := ids.Add(1)
	e.ID = events.ID{1, 14: byte(n >> 8), 15: byte(n)}
	w, err := f.Write(t.Context(), e)
	if err != nil || !w.Outcome.Accepted() {
		t.Fatalf("%s: %v %v", e.Type, w.Outcome, err)
	}
	return w.Offset
}

// expect reads entries until one fits.
func expect[T any](t *testing.T, from <-chan T, what string, fits func(T) bool) T {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case e := <-from:
			if fits(e) {
				return e
			}
		case <-late:
			t.Fatalf("no entry: %s", what)
		}
	}
}

func TestANodeFollowsItsPodsOnARealCell(t *testing.T) {
	f := cell(t)
	ctx, cancel := context.WithCancel(t.Context())
	entries, ended := make(chan feed.AssignmentEntry, 100), make(chan error, 1)
	go func() {
		ended <- feeds.Follow(ctx, f, "n1", func(e feed.AssignmentEntry) error { entries <- e; return nil })
	}()
	first := expect(t, entries, "the pod", func(e feed.AssignmentEntry) bool { return true })
	if first.Key != "default/p/u" || first.Pod == nil || first.Pod.Address == "" || first.Pod.Digest != feeds.Digest(&events.Part{Data: []byte("body")}) {
		t.Fatalf("the first entry is %+v %+v", first, first.Pod)
	}
	expect(t, entries, "a mark after what was there", func(e feed.AssignmentEntry) bool { return e.Mark && e.Offset >= first.Offset })

	again := write(t, f, &events.Event{Type: events.NodeRegistered, Subject: n1, UID: "n1"})
	expect(t, entries, "a mark for the new registration at once", func(e feed.AssignmentEntry) bool { return e.Mark && e.Offset == again })

	asked := write(t, f, &events.Event{Type: events.DeletionRequested, Subject: pod, UID: "u", Actor: events.Actor{User: "alice"}, Reason: "tidying",
		Facts: events.Facts{Pod: &events.Pod{}, Deleting: 77, Grace: 30}})
	end := expect(t, entries, "the deletion", func(e feed.AssignmentEntry) bool { return e.Key == first.Key })
	if end.Offset != asked || end.Pod == nil || end.Pod.Deleting != 77 || end.Pod.Grace != 30 || end.Pod.Why != "alice: tidying" || end.Pod.Digest != first.Pod.Digest {
		t.Fatalf("the deletion is %+v %+v", end, end.Pod)
	}

	forced := write(t, f, &events.Event{Type: events.ObjectDeleted, Subject: pod, UID: "u"})
	gone := expect(t, entries, "its end", func(e feed.AssignmentEntry) bool { return e.Key == first.Key })
	if gone.Pod != nil || gone.Offset != forced {
		t.Fatalf("the end is %+v", gone)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestANodeThatComesLateLearnsWhoAskedForTheEnd(t *testing.T) {
	f := cell(t)
	write(t, f, &events.Event{Type: events.DeletionRequested, Subject: pod, UID: "u", Actor: events.Actor{User: "alice", Address: "10.0.0.7"},
		Facts: events.Facts{Pod: &events.Pod{}, Deleting: 77}})
	stop := errors.New("enough")
	err := feeds.Follow(t.Context(), f, "n1", func(e feed.AssignmentEntry) error {
		if e.Pod == nil || e.Pod.Why != "alice from 10.0.0.7" {
			t.Errorf("entry %+v %+v", e, e.Pod)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
}

func TestVIPsFollowServicesAndTheirPodsOnARealCell(t *testing.T) {
	f := cell(t)
	entries, ended := make(chan feed.VIPEntry, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- feeds.FollowVIPs(ctx, f, func(e feed.VIPEntry) error { entries <- e; return nil })
	}()
	expect(t, entries, "a mark", func(e feed.VIPEntry) bool { return e.Mark })
	svc := events.Ref{Kind: events.Services, Namespace: "default", Name: "web"}
	labels := []events.Pair{{Key: "app", Value: "web"}}
	write(t, f, &events.Event{Type: events.ObjectCreated, Subject: svc, UID: "s", Parts: []events.Part{{Column: events.Spec, Data: []byte("s")}},
		Facts: events.Facts{Service: &events.Service{Type: "ClusterIP", Selector: labels, Ports: []events.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, Target: 8080}}}}})
	e := expect(t, entries, "the service", func(e feed.VIPEntry) bool { return e.Key == "default/web" })
	if e.VIP == nil || e.VIP.Address == "" || len(e.VIP.Ports) != 1 || len(e.VIP.Ports[0].Endpoints) != 0 {
		t.Fatalf("%+v", e.VIP)
	}
	write(t, f, &events.Event{Type: events.ObjectUpdated, Subject: pod, UID: "u", Facts: events.Facts{Labels: labels, Pod: &events.Pod{}}})
	p, err := f.Get(pod, 0)
	if err != nil {
		t.Fatal(err)
	}
	st := p.Projected.Pod
	write(t, f, &events.Event{Type: events.ContainerStarted, Subject: pod, UID: "u", Actor: events.Actor{Node: "n1"}, Facts: events.Facts{Report: &events.Report{
		Epoch: st.Epoch, Registration: st.Registration, Phase: events.Running, Ready: true}}})
	e = expect(t, entries, "its endpoint", func(e feed.VIPEntry) bool { return e.VIP != nil && len(e.VIP.Ports[0].Endpoints) == 1 })
	if x := e.VIP.Ports[0].Endpoints[0]; x.Address != st.Address || x.Port != 8080 || x.Node != "n1" {
		t.Fatalf("endpoint %+v, pod %+v", x, st)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
