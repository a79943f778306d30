package hub

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/feeds/feedstest"
	"cairn/projections/view"
)

// started gives a hub that ends with stop, at the latest with the test.
func started(t *testing.T, cell Cell, ringBytes int64) (h *Hub, stop func()) {
	h = New(cell, slog.New(slog.DiscardHandler))
	h.ringBytes = ringBytes
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = h.Run(ctx) }() // it ends with ctx
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	if _, err := h.reach(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return h, stop
}

// catchUp has a node's table follow a hub from its mark up to an offset, and
// gives the bytes that it was written.
func catchUp(t *testing.T, h *Hub, table *feed.Table, upTo events.Offset) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	size, done, err := 0, errors.New("done"), ErrBehind
	for errors.Is(err, ErrBehind) { // the ring is small, and the hub may have just begun
		err = h.VIPs(ctx, table.From(), func(frames ...[]byte) error {
			size += len(bytes.Join(frames, nil))
			for _, e := range decoded[feed.VIPEntry](t, frames) {
				if err := table.Take(&e); err != nil {
					return err
				}
				if e.Mark && e.Offset >= upTo {
					return done
				}
			}
			return nil
		})
	}
	if !errors.Is(err, done) {
		t.Fatalf("the stream ended with %v", err)
	}
	return size
}

func decoded[T any, M interface {
	*T
	wire.Message
}](t *testing.T, frames [][]byte) (list []T) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(bytes.Join(frames, nil)))
	for {
		var v T
		if err := feed.ReadFrame(r, M(&v)); err != nil {
			return list
		}
		list = append(list, v)
	}
}

func TestNodesThatComeBackAnywhereHoldWhatTheCellHolds(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld()
			hubs, stops := make([]*Hub, 2), make([]func(), 2)
			for i := range hubs {
				hubs[i], stops[i] = started(t, w, 600)
			}
			tables := []*feed.Table{feed.NewTable(), feed.NewTable(), feed.NewTable()}
			for round := range 120 {
				for range random.IntN(6) {
					w.step(random)
				}
				w.publish(events.ObjectUpdated, feedstest.ServiceNamed("clock", round)) // a mark follows at once
				if i := random.IntN(len(hubs) * 5); i < len(hubs) {                     // a server starts again
					stops[i]()
					hubs[i], stops[i] = started(t, w, 600)
				}
				table := tables[random.IntN(len(tables))]
				catchUp(t, hubs[random.IntN(len(hubs))], table, w.Position().Offset)
				want := w.whole(t)
				if got := table.Services(); !reflect.DeepEqual(got, want.Services()) && len(got)+len(want.Services()) > 0 {
					t.Fatalf("at %d a node holds\n%s, and the cell\n%s", w.at, said(got), said(want.Services()))
				}
				if got := table.Peers(); !slices.Equal(got, want.Peers()) {
					t.Fatalf("at %d a node's peers are %v, and the cell's %v", w.at, got, want.Peers())
				}
			}
		})
	}
}

func said(list []*feed.VIP) (s string) {
	for _, v := range list {
		s += fmt.Sprintf("%+v\n", *v)
	}
	return s
}

func TestANodeThatComesBackIsToldOnlyWhatChanged(t *testing.T) {
	w := newWorld()
	for i := range 50 {
		w.publish(events.ObjectCreated, feedstest.ServiceNamed(fmt.Sprintf("s%d", i), i), feedstest.SliceNumbered(i, -1))
	}
	h, stop := started(t, w, ringBytes)
	table := feed.NewTable()
	first := catchUp(t, h, table, w.at)
	w.publish(events.ObjectDeleted, &view.Object{Ref: feedstest.Namespaced(events.Services, "s7")})
	w.publish(events.ContainerStarted, feedstest.SliceNumbered(3, 5))
	if n := catchUp(t, h, table, w.at); n > 150 {
		t.Errorf("the same server told %d bytes", n)
	}
	// Another server, which started after the removal, tells of it all the same.
	other := feed.NewTable()
	catchUp(t, h, other, w.at)
	w.publish(events.ObjectDeleted, &view.Object{Ref: feedstest.Namespaced(events.Services, "s8")})
	stop()
	h, _ = started(t, w, ringBytes)
	if n := catchUp(t, h, other, w.at); n >= first || len(other.Services()) != 48 {
		t.Errorf("a server that has just started told %d bytes of %d, and the node knows %d services", n, first, len(other.Services()))
	}
}

func TestAStreamThatIsBehindEndsAndPinsNothing(t *testing.T) {
	w := newWorld()
	h, _ := started(t, w, 2000)
	stuck, release := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 2)
	var once, twice sync.Once
	block := func(o *sync.Once) Write {
		return func(...[]byte) error {
			o.Do(func() { stuck <- struct{}{}; <-release })
			return nil
		}
	}
	go func() { ended <- h.VIPs(t.Context(), events.NoOffset, block(&once)) }()
	go func() { ended <- h.Assignments(t.Context(), "n1", events.NoOffset, block(&twice)) }()
	<-stuck
	<-stuck
	for i := range 1500 {
		w.publish(events.PodPlaced, feedstest.PodNumbered(i, 1), feedstest.ServiceNamed("s", i%100))
	}
	g, err := h.reach(t.Context(), w.at)
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	for q := range g.nodes["n1"] {
		if !q.behind || q.frames != nil {
			t.Errorf("%d frames wait for a stream that is behind", len(q.frames))
		}
	}
	if n := g.ring.total - g.ring.kept[0].before; n > 2000 {
		t.Errorf("the ring holds %d bytes", n)
	}
	g.mu.Unlock()
	close(release)
	for range 2 {
		if err := <-ended; !errors.Is(err, ErrBehind) {
			t.Errorf("a stream ended with %v", err)
		}
	}
}

func TestAStreamWaitsForTheMarkItGoesOnAfter(t *testing.T) {
	w := newWorld()
	w.publish(events.PodPlaced, feedstest.PodNumbered(1, 1))
	h, _ := started(t, w, ringBytes)
	marks := make(chan events.Offset, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- h.Assignments(ctx, "n1", 5, func(frames ...[]byte) error {
			list := decoded[feed.AssignmentEntry](t, frames)
			marks <- list[len(list)-1].Offset
			return nil
		})
	}()
	for w.Position().Offset < 5 {
		w.publish(events.PodReported)
	}
	if at := <-marks; at < 5 {
		t.Errorf("a stream that goes on after 5 began as of %d", at)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTopicsGetTheLastOfManyChanges(t *testing.T) {
	w := newWorld()
	w.publish(events.PodPlaced, feedstest.PodNumbered(1, 1), feedstest.ServiceNamed("s", 1))
	h, _ := started(t, w, ringBytes)
	enough := errors.New("enough")
	calls := 0
	err := h.Changes(t.Context(), AssignmentsFeed, func(list []Change, at events.Offset) error {
		calls++
		switch {
		case calls == 1 && (len(list) != 1 || list[0].Node != "n1" || list[0].Gone):
			t.Errorf("it begins with %+v", list)
		case calls == 1: // while this one is busy, the pod goes and another comes and moves
			gone := feedstest.PodNumbered(1, 1)
			gone.Facts, gone.Projected = nil, nil
			w.publish(events.ObjectDeleted, gone)
			for node := range 3 {
				w.publish(events.PodPlaced, feedstest.PodNumbered(2, node))
			}
			if _, err := h.reach(t.Context(), w.at); err != nil {
				t.Fatal(err)
			}
		default:
			var said []string
			for _, c := range list {
				said = append(said, fmt.Sprint(c.Node, " ", c.Key[:13], " ", c.Gone, " ", c.Offset))
			}
			slices.Sort(said)
			want := []string{"n0 default/web-2 true 4", "n1 default/web-1 true 2", "n1 default/web-2 true 5", "n2 default/web-2 false 5"}
			if !slices.Equal(said, want) || at != 5 {
				t.Errorf("up to %d: %q, want %q", at, said, want)
			}
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
}
