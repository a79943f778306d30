package dispatcher_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/reconcilers/dispatcher"
	"cairn/reconcilers/engine/steptest"
)

// topic is a compacted topic in memory, before compaction.
type topic struct {
	mu         sync.Mutex
	more       *sync.Cond
	partitions [][]dispatcher.Message
}

func newTopic(n int) *topic {
	t := &topic{partitions: make([][]dispatcher.Message, n)}
	t.more = sync.NewCond(&t.mu)
	return t
}

func (t *topic) Partitions() int { return len(t.partitions) }

func (t *topic) Put(ctx context.Context, m dispatcher.Message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.partitions[m.Partition] = append(t.partitions[m.Partition], m)
	t.more.Broadcast()
	return ctx.Err()
}

func (t *topic) Read(ctx context.Context, p int, fn func(dispatcher.Message) error) error {
	defer context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.more.Broadcast()
	})()
	for i := 0; ; i++ {
		t.mu.Lock()
		for len(t.partitions[p]) <= i && ctx.Err() == nil {
			t.more.Wait()
		}
		if ctx.Err() != nil {
			t.mu.Unlock()
			return ctx.Err()
		}
		m := t.partitions[p][i]
		t.mu.Unlock()
		if err := fn(m); err != nil {
			return err
		}
	}
}

// until waits until the topic's last records satisfy ok.
func (t *topic) until(tb testing.TB, what string, ok func(last map[string]dispatcher.Message, mark events.Offset) bool) {
	tb.Helper()
	limit := time.AfterFunc(10*time.Second, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.more.Broadcast()
	})
	defer limit.Stop()
	end := time.Now().Add(10 * time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		last, mark := map[string]dispatcher.Message{}, events.NoOffset
		for _, p := range t.partitions {
			for _, m := range p {
				if m.Key == "" {
					mark = max(mark, m.Offset)
					continue
				}
				last[m.Key] = m
			}
		}
		if ok(last, mark) {
			return
		}
		if !time.Now().Before(end) {
			tb.Fatalf("not reached: %s; the topic says %v, marked %d", what, last, mark)
		}
		t.more.Wait()
	}
}

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

func place(t *testing.T, w *steptest.World, name, node string) {
	t.Helper()
	w.Apply(fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: c, image: i}]}", name))
	n, err := w.Get(events.Ref{Kind: events.Nodes, Name: node}, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Write(context.Background(), &events.Event{Type: events.PodPlaced, Subject: events.Ref{Kind: events.Pods, Namespace: "default", Name: name},
		Facts: events.Facts{Placement: &events.Placement{Node: node, Registration: n.Projected.Node.Registration}}})
	if err != nil || !got.Outcome.Accepted() {
		t.Fatal(got.Outcome, err)
	}
}

func joined() *steptest.World {
	w := steptest.New()
	for _, n := range []string{"n1", "n2"} {
		w.AddNode(n, events.Facts{Node: &events.Node{Allocatable: events.Resources{Pods: 9}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}})
	}
	return w
}

func TestAssignmentsReachTheTopicAndAreRepaired(t *testing.T) {
	w, topic := joined(), newTopic(3)
	place(t, w, "a", "n1")
	run(t, func(ctx context.Context) error { return dispatcher.Assignments(ctx, w, topic) })
	var first dispatcher.Message
	topic.until(t, "the pod placed before and a mark", func(last map[string]dispatcher.Message, mark events.Offset) bool {
		for k, m := range last {
			if strings.HasPrefix(k, "default/a/") {
				first = m
			}
		}
		return first.Value != nil && mark >= first.Offset
	})
	if want := dispatcher.Partition("n1", 3); first.Partition != want {
		t.Errorf("n1's pod is in partition %d, want %d", first.Partition, want)
	}
	var e feed.AssignmentEntry
	if err := json.Unmarshal(first.Value, &e); err != nil || e.Pod == nil || e.Pod.Name != "a" || e.Pod.Epoch != 1 {
		t.Fatalf("entry %s: %v", first.Value, err)
	}

	place(t, w, "b", "n2")
	stale := first
	stale.Offset--
	stale.Value = []byte(`{"Key":"stale"}`)
	if err := topic.Put(context.Background(), stale); err != nil {
		t.Fatal(err)
	}
	topic.until(t, "b placed, a repaired", func(last map[string]dispatcher.Message, _ events.Offset) bool {
		n := 0
		for k, m := range last {
			if strings.HasPrefix(k, "default/b/") || k == first.Key && m.Offset == first.Offset {
				n++
			}
		}
		return n == 2
	})

	w.Run()
	if err := w.Delete(events.Ref{Kind: events.Pods, Namespace: "default", Name: "a"}, ""); err != nil {
		t.Fatal(err)
	}
	topic.until(t, "a is to end, and who says so", func(last map[string]dispatcher.Message, _ events.Offset) bool {
		return strings.Contains(string(last[first.Key].Value), `"Why":"alice from 10.0.0.7"`)
	})
	w.Run()
	topic.until(t, "a is gone", func(last map[string]dispatcher.Message, mark events.Offset) bool {
		m := last[first.Key]
		return m.Value == nil && m.Offset > first.Offset && mark >= m.Offset
	})
}

func TestTwoEmittersAgree(t *testing.T) {
	w, topic := joined(), newTopic(1)
	for range 2 {
		run(t, func(ctx context.Context) error { return dispatcher.VIPs(ctx, w, topic) })
	}
	w.Apply("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, protocol: TCP}]}")
	topic.until(t, "the service with an address", func(last map[string]dispatcher.Message, mark events.Offset) bool {
		m := last["default/web"]
		return strings.Contains(string(m.Value), `"Address":"10.96.`) && mark >= m.Offset
	})
	if err := w.Delete(events.Ref{Kind: events.Services, Namespace: "default", Name: "web"}, ""); err != nil {
		t.Fatal(err)
	}
	topic.until(t, "its tombstone", func(last map[string]dispatcher.Message, mark events.Offset) bool {
		m := last["default/web"]
		return m.Value == nil && m.Offset > 0 && mark >= m.Offset
	})
}
