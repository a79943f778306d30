package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/view"
	"cairn/reconcilers"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/engine/steptest"
)

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: %s}]}`

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// start runs an engine on w until the test ends.
func start(t *testing.T, w *steptest.World, with engine.Requests) *engine.Engine {
	t.Helper()
	e := engine.New(engine.Options{Cell: w, Requests: with, Reconcilers: reconcilers.All(reconcilers.Config{CA: "PEM"}), Kinds: reconcilers.Kinds(), Log: quiet})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("engine ended with %v", err)
		}
		if !e.Status().Stopped {
			t.Error("an engine that ended doesn't say so")
		}
	})
	return e
}

// until waits for a condition that results of w bring about; nodes do as told meanwhile.
func until(t *testing.T, w *steptest.World, what string, ok func() bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(limit) {
			t.Fatalf("not reached: %s\n%s%s%s", what, w.Show(events.Deployments), w.Show(events.ReplicaSets), w.Show(events.Pods))
		}
		at := w.Position().Offset
		w.Run()
		w.Await(at+1, 10*time.Millisecond)
	}
}

func available(w *steptest.World, n int) func() bool {
	return func() bool {
		return strings.Contains(w.Show(events.Deployments), fmt.Sprintf("has=%d ready=%d available=%d ", n, n, n)) &&
			strings.Contains(w.Show(events.Deployments), "NewReplicaSetAvailable")
	}
}

func images(w *steptest.World, image string) int {
	n := 0
	pods, _, _ := w.List(events.Pods, view.Page{})
	for _, p := range pods {
		if strings.Contains(string(p.Spec.Data), `"image":"`+image+`"`) && p.Facts.Deleting == 0 {
			n++
		}
	}
	return n
}

func TestADeploymentComesUpRollsOutAndGoes(t *testing.T) {
	w := steptest.New()
	start(t, w, w)
	w.AddNode("n1", node())
	w.AddNode("n2", node())
	w.Apply(fmt.Sprintf(web, 5, "v1"))
	until(t, w, "five pods of v1", available(w, 5))

	w.Apply(fmt.Sprintf(web, 3, "v2"))
	until(t, w, "three pods of v2", func() bool { return available(w, 3)() && images(w, "v2") == 3 && images(w, "v1") == 0 })
	creates := 0
	for _, c := range w.Calls {
		if strings.HasPrefix(c, "POST") && strings.HasSuffix(c, "/pods") {
			creates++
		}
	}
	if creates != 8 {
		t.Errorf("%d pods were created for 5 and then 3: a key was stepped before the picture held what it wrote", creates)
	}

	if err := w.Delete(events.Ref{Kind: events.Deployments, Namespace: "default", Name: "web"}, ""); err != nil {
		t.Fatal(err)
	}
	until(t, w, "nothing left", func() bool { return w.Show(events.Pods)+w.Show(events.ReplicaSets) == "" })
}

func TestSeveralEnginesAtOnceComeToTheSame(t *testing.T) {
	w := steptest.New()
	w.AddNode("n1", node())
	w.Apply(fmt.Sprintf(web, 4, "v1"))
	for range 3 {
		start(t, w, w)
	}
	until(t, w, "four pods", available(w, 4))
	w.Apply(fmt.Sprintf(web, 4, "v2"))
	until(t, w, "four new pods", func() bool { return available(w, 4)() && images(w, "v2") == 4 && images(w, "v1") == 0 })
}

func TestEveryRecordNamesItsCauseReasonAndReconciler(t *testing.T) {
	w := steptest.New()
	start(t, w, w)
	w.AddNode("n1", node())
	w.Apply(fmt.Sprintf(web, 1, "v1"))
	until(t, w, "a pod", available(w, 1))
	want := map[string]bool{"reconciler rollout object.created": false, "reconciler replicas object.created": false, "reconciler scheduler pod.placed": false, "reconciler namespaces object.created": false}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := make(chan struct{})
	end := w.Position().Offset
	_ = w.Subscribe(ctx, events.NoOffset, func(r *view.Result) {
		if e := r.Event; e.Actor.Reconciler != "" {
			if len(e.Cause) == 0 || e.Reason == "" || slices.Max(e.Cause) >= r.Offset {
				t.Errorf("record %d %s %s: causes %v, reason %q", r.Offset, e.Type, e.Subject, e.Cause, e.Reason)
			}
			if k := e.Actor.Who() + " " + string(e.Type); !want[k] {
				want[k] = true
			}
		}
		if r.Offset == end {
			close(seen)
		}
	})
	<-seen
	for k, ok := range want {
		if !ok {
			t.Errorf("no record by %s", k)
		}
	}
}

func node() events.Facts {
	return events.Facts{Node: &events.Node{Allocatable: events.Resources{MilliCPU: 4000, Memory: 8 << 30, Storage: 100 << 30, Pods: 110},
		Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}}
}

// flaky answers some requests as servers do that are in trouble.
type flaky struct {
	*steptest.World
	n atomic.Int64
}

func (f *flaky) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	switch f.n.Add(1) % 4 {
	case 1:
		return 0, nil, errors.New("no connection")
	case 2:
		return 409, nil, nil
	}
	return f.World.Do(ctx, who, causes, reason, verb, path, contentType, body)
}

func TestRefusalsAreRetriedUntilItIsDone(t *testing.T) {
	w := steptest.New()
	w.AddNode("n1", node())
	start(t, w, &flaky{World: w})
	w.Apply(fmt.Sprintf(web, 2, "v1"))
	until(t, w, "two pods", available(w, 2))
}

func TestARefusedKeyBacksOffAndShowsInTheStatus(t *testing.T) {
	w := steptest.New()
	w.Refused["POST pods"] = "exceeded quota: pods 0"
	calls := &counting{World: w}
	e := start(t, w, calls)
	w.Apply(strings.Replace(fmt.Sprintf(web, 50, "v1"), "kind: Deployment", "kind: ReplicaSet", 1))
	ref := events.Ref{Kind: events.ReplicaSets, Namespace: "default", Name: "web"}
	until(t, w, "three failures", func() bool {
		s := e.Status()
		return slices.ContainsFunc(s.Waiting, func(x engine.Waiting) bool {
			return x.Key == ref && x.Reconciler == "replicas" && x.Fails >= 3 && x.LastError == "exceeded quota: pods 0" && !x.Until.IsZero()
		})
	})
	if n := calls.creates(); n > 10 {
		t.Errorf("%d pods were tried while the first was refused each time: growing batches should have stopped it", n)
	}
}

type counting struct {
	*steptest.World
	mu sync.Mutex
	n  int
}

func (c *counting) creates() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counting) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	if verb == "POST" && strings.HasSuffix(path, "/pods") {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
	return c.World.Do(ctx, who, causes, reason, verb, path, contentType, body)
}
