package hub_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/feeds"
	"cairn/projections/feeds/feedstest"
	"cairn/projections/feeds/hub"
)

// start runs a hub over a real cell.
func start(t *testing.T, c *feedstest.Cell) *hub.Hub {
	h := hub.New(c, slog.New(slog.DiscardHandler))
	run(t, func(ctx context.Context) error { return h.Run(ctx) })
	return h
}

// run has f run until the test ends.
func run(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
}

// entries gives a stream's entries as they come.
func entries[T any, M interface {
	*T
	wire.Message
}](t *testing.T, follow func(context.Context, hub.Write) error) <-chan T {
	out := make(chan T, 100)
	run(t, func(ctx context.Context) error {
		return follow(ctx, func(frames ...[]byte) error {
			r := bufio.NewReader(bytes.NewReader(bytes.Join(frames, nil)))
			for {
				var v T
				if err := feed.ReadFrame(r, M(&v)); err != nil {
					return nil // all are read
				}
				out <- v
			}
		})
	})
	return out
}

// expect reads entries until one fits.
func expect[T any](t *testing.T, from <-chan T, what string, fits func(T) bool) T {
	t.Helper()
	late := time.After(20 * time.Second)
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
	c := feedstest.Start(t)
	c.Join("n1")
	c.Join("n2")
	c.Place("p", "n1")
	c.Place("q", "n2")
	h := start(t, c)
	list := entries[feed.AssignmentEntry](t, func(ctx context.Context, w hub.Write) error { return h.Assignments(ctx, "n1", events.NoOffset, w) })
	first := expect(t, list, "the pod", func(feed.AssignmentEntry) bool { return true })
	if first.Key != "default/p/p" || first.Pod == nil || first.Pod.Address == "" || first.Pod.Digest != feeds.Digest(&feedstest.Body[0]) {
		t.Fatalf("the first entry is %+v %+v", first, first.Pod)
	}
	expect(t, list, "a mark after what was there", func(e feed.AssignmentEntry) bool { return e.Mark && e.Offset >= first.Offset })

	again := c.Register("n1")
	expect(t, list, "a mark for the new registration at once", func(e feed.AssignmentEntry) bool { return e.Mark && e.Offset == again })
	if is, known := h.Registration("n1", again); is != again || !known {
		t.Errorf("the registration is %d (%v)", is, known)
	}
	if _, known := h.Registration("n1", again+1000); known {
		t.Error("a registration further on is taken for an old one")
	}

	asked := c.Delete("p", "tidying")
	end := expect(t, list, "the deletion", func(e feed.AssignmentEntry) bool { return e.Key == first.Key })
	if end.Offset != asked || end.Pod == nil || end.Pod.Deleting != 77 || end.Pod.Grace != 30 || end.Pod.Why != "alice from 10.0.0.7: tidying" || end.Pod.Digest != first.Pod.Digest {
		t.Fatalf("the deletion is %+v %+v", end, end.Pod)
	}
	forced := c.Append(&events.Event{Type: events.ObjectDeleted, Subject: feedstest.Pod("p"), UID: "p"})
	gone := expect(t, list, "its end", func(e feed.AssignmentEntry) bool { return e.Key == first.Key })
	if gone.Pod != nil || gone.Offset != forced {
		t.Fatalf("the end is %+v", gone)
	}
}

func TestANodeThatComesLateLearnsWhoAskedForTheEnd(t *testing.T) {
	c := feedstest.Start(t)
	c.Join("n1")
	c.Place("p", "n1")
	c.Delete("p", "")
	h := start(t, c)
	list := entries[feed.AssignmentEntry](t, func(ctx context.Context, w hub.Write) error { return h.Assignments(ctx, "n1", events.NoOffset, w) })
	if e := expect(t, list, "the pod", func(feed.AssignmentEntry) bool { return true }); e.Pod == nil || e.Pod.Why != "alice from 10.0.0.7" {
		t.Errorf("entry %+v %+v", e, e.Pod)
	}
}

func TestAFinishedPodKeepsItsAssignmentOnARealCell(t *testing.T) {
	c := feedstest.Start(t)
	c.Join("n1")
	c.Place("p", "n1")
	h := start(t, c)
	list := entries[feed.AssignmentEntry](t, func(ctx context.Context, w hub.Write) error { return h.Assignments(ctx, "n1", events.NoOffset, w) })
	expect(t, list, "the pod", func(e feed.AssignmentEntry) bool { return e.Pod != nil && !e.Pod.Finished })
	c.Report(events.ContainerStarted, "p", events.Succeeded, false)
	c.Report(events.SandboxRemoved, "p", events.Succeeded, false)
	expect(t, list, "that it is finished", func(e feed.AssignmentEntry) bool {
		if e.Key != "" && e.Pod == nil {
			t.Fatal("a finished pod is gone from the feed: its logs would go")
		}
		return e.Pod != nil && e.Pod.Finished
	})
}

func TestVIPsFollowServicesAndTheirPodsOnARealCell(t *testing.T) {
	c := feedstest.Start(t)
	c.Join("n1")
	label := events.Pair{Key: "app", Value: "web"}
	c.Place("p", "n1", label)
	h := start(t, c)
	table := feed.NewTable()
	list := entries[feed.VIPEntry](t, func(ctx context.Context, w hub.Write) error { return h.VIPs(ctx, events.NoOffset, w) })
	holds := func(what string, fits func() bool) {
		expect(t, list, what, func(e feed.VIPEntry) bool {
			if err := table.Take(&e); err != nil {
				t.Fatal(err)
			}
			return e.Mark && fits()
		})
	}
	holds("the node", func() bool { p := table.Peers(); return len(p) == 1 && p[0].PodRange.IsValid() })
	c.Serve("web", label)
	holds("the service", func() bool {
		s := table.Services()
		return len(s) == 1 && s[0].Address.IsValid() && len(s[0].Ports) == 1
	})
	c.Report(events.ContainerStarted, "p", events.Running, true)
	holds("its endpoint", func() bool { return len(table.Services()[0].Ports[0].Endpoints) == 1 })
	o, err := c.Get(feedstest.Pod("p"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if x := table.Services()[0].Ports[0].Endpoints[0]; x.Address.Addr().String() != o.Projected.Pod.Address || x.Address.Port() != 8080 || x.Node != "n1" {
		t.Fatalf("endpoint %+v, pod %+v", x, o.Projected.Pod)
	}
	c.Delete("p", "")
	holds("that it ends", func() bool { return len(table.Services()[0].Ports[0].Endpoints) == 0 })
}
