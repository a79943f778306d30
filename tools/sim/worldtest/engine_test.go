package worldtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/reconcilers"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/reconcile"
	"cairn/reconcilers/replicas"
)

const web = `apiVersion: apps/v1
kind: %s
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: %s}]}`

func deployment(replicas int, image string) string {
	return fmt.Sprintf(web, "Deployment", replicas, image)
}

// available reports whether the Deployment is done with n pods of an image, and
// lets the nodes do what they are told.
func available(w *World, n int, image string) func() bool {
	return func() bool {
		w.Must(w.RunNodes())
		pods := w.List(events.Pods)
		for _, p := range pods {
			if !strings.Contains(fmt.Sprint(p.Object), "image:"+image+" ") {
				return false
			}
		}
		d := w.Show(events.Deployments)
		return len(pods) == n && strings.Contains(d, fmt.Sprintf("has=%d ready=%d available=%d ", n, n, n)) && strings.Contains(d, "NewReplicaSetAvailable")
	}
}

func TestADeploymentComesUpRollsOutAndGoes(t *testing.T) {
	In(t, 1, func(w *World) {
		calls := &counting{Requests: w.Requests()}
		o := w.Whole()
		o.Requests, o.Silence = calls, nil
		w.Run(o)
		w.Must(w.Node("n1"))
		w.Must(w.Node("n2"))
		w.Must(w.Apply(deployment(5, "v1")))
		w.Until(time.Minute, "five pods of v1", available(w, 5, "v1"))
		w.Must(w.Apply(deployment(3, "v2")))
		w.Until(time.Minute, "three pods of v2", available(w, 3, "v2"))
		if n := calls.creates.Load(); n != 8 {
			t.Errorf("%d pods were created for 5 and then 3: a key was looked at before the cache held what its plan wrote", n)
		}
		w.Must(w.Delete(events.Ref{Kind: events.Deployments, Namespace: "default", Name: "web"}, ""))
		w.Until(time.Minute, "nothing left", func() bool {
			w.Must(w.RunNodes())
			return len(w.List(events.Pods))+len(w.List(events.ReplicaSets)) == 0
		})
	})
}

func TestSeveralEnginesAtOnceComeToTheSame(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Must(w.Node("n1"))
		w.Must(w.Apply(deployment(4, "v1")))
		for range 3 {
			o := w.Whole()
			o.Silence = nil
			w.Run(o)
		}
		w.Until(time.Minute, "four pods", available(w, 4, "v1"))
		w.Must(w.Apply(deployment(4, "v2")))
		w.Until(time.Minute, "four new pods", available(w, 4, "v2"))
	})
}

func TestEveryRecordNamesItsCauseReasonAndReconciler(t *testing.T) {
	In(t, 1, func(w *World) {
		o := w.Whole()
		o.Silence = nil
		w.Run(o)
		w.Must(w.Node("n1"))
		w.Must(w.Apply(deployment(1, "v1")))
		w.Must(w.Apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: other}"))
		w.Until(time.Minute, "a pod", available(w, 1, "v1"))
		want := map[string]bool{"reconciler rollout object.created": false, "reconciler replicas object.created": false,
			"reconciler scheduler pod.placed": false, "reconciler namespaces object.created": false}
		for i, e := range w.Records(w.First) {
			if e.Actor.Reconciler == "" {
				continue
			}
			offset := w.First + events.Offset(i)
			said := e.Reason != "" || e.Facts.Placement != nil && e.Facts.Placement.Decision != nil || e.Facts.Decision != nil
			if len(e.Cause) == 0 || !said || slices.Max(e.Cause) >= offset {
				t.Errorf("record %d %s %s: causes %v, reason %q", offset, e.Type, e.Subject, e.Cause, e.Reason)
			}
			want[e.Actor.Who()+" "+string(e.Type)] = true
		}
		for k, ok := range want {
			if !ok {
				t.Errorf("no record by %s", k)
			}
		}
	})
}

// Conflicts are normal: who loses a race looks again, and nothing of it is recorded.
func TestNoRefusalIsRecordedWhereAReconcilerWasOvertaken(t *testing.T) {
	In(t, 1, func(w *World) {
		o := w.Whole()
		o.Silence = nil
		w.Run(o)
		w.Must(w.Node("n1"))
		w.Must(w.Apply(deployment(20, "v1")))
		w.Until(time.Minute, "twenty pods", available(w, 20, "v1"))
		w.Must(w.Apply(deployment(20, "v2")))
		w.Until(time.Minute, "twenty new pods", available(w, 20, "v2"))
		w.Pass(2 * time.Minute) // refusals are counted for a minute
		for i, e := range w.Records(w.First) {
			if e.Type == events.RequestRefused {
				t.Errorf("record %d: %s was refused %s %s with %d", w.First+events.Offset(i), e.Actor.Who(), e.Facts.Denial.Verb, e.Subject, e.Facts.Denial.Status)
			}
		}
	})
}

// The counts beside a status are the fold's, and move. A status that they have
// overtaken was refused with 422, on record; now it is a conflict, and not.
func TestAStatusThatCountsOvertookIsTriedAgainWithoutARecord(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Must(w.Node("n1"))
		w.Must(w.Apply(fmt.Sprintf(web, "ReplicaSet", 1, "v1")))
		o := w.Engine()
		o.Reconcilers, o.Cores = []reconcile.Reconciler{replicas.Reconciler{}}, reconcilers.Cores()
		s, err := engine.NewStepper(w.ctx, o)
		w.Must(err)
		w.comeToRest(s)
		w.Must(w.Report("web-1", "unready"))
		_, err = Settle(w, s)
		w.Must(err)
		w.Must(w.Report("web-1", "ready"))
		w.Must(s.CatchUp())
		w.Must(w.Report("web-1", "unready")) // after the reconciler looked, before it writes
		_, failed, err := s.Act(w.ctx, engine.Look{Reconciler: "replicas", Key: events.Ref{Kind: events.ReplicaSets, Namespace: "default", Name: "web"}})
		w.Must(err)
		if !strings.Contains(failed, "the object has been modified") {
			t.Errorf("it ended in %q", failed)
		}
		_, err = Settle(w, s)
		w.Must(err)
		w.Pass(2 * time.Minute)
		for _, e := range w.Records(w.First) {
			if e.Type == events.RequestRefused {
				t.Errorf("on record: %s %d", e.Reason, e.Facts.Denial.Status)
			}
		}
		if got := w.Show(events.ReplicaSets); !strings.Contains(got, "available=0") {
			t.Error(got)
		}
	})
}

// flaky answers some requests as servers do that are in trouble.
type flaky struct {
	Requests
	n atomic.Int64
}

func (f *flaky) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	switch f.n.Add(1) % 4 {
	case 1:
		return 0, nil, errors.New("no connection")
	case 2:
		return 409, nil, nil
	}
	return f.Requests.Do(ctx, who, causes, reason, verb, path, contentType, body)
}

func TestRefusalsAreRetriedUntilItIsDone(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Must(w.Node("n1"))
		o := w.Whole()
		o.Requests, o.Silence = &flaky{Requests: w.Requests()}, nil
		w.Run(o)
		w.Must(w.Apply(deployment(2, "v1")))
		w.Until(10*time.Minute, "two pods", available(w, 2, "v1"))
	})
}

func TestARefusedKeyBacksOffAndShowsInTheStatus(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Refuse("POST", events.Pods, "exceeded quota: pods 0")
		calls := &counting{Requests: w.Requests()}
		o := w.Whole()
		o.Requests, o.Silence = calls, nil
		e, _ := w.Run(o)
		w.Must(w.Apply(fmt.Sprintf(web, "ReplicaSet", 50, "v1")))
		ref := events.Ref{Kind: events.ReplicaSets, Namespace: "default", Name: "web"}
		w.Until(time.Minute, "three failures", func() bool {
			return slices.ContainsFunc(e.Status().Waiting, func(x engine.Waiting) bool {
				return x.Key == ref && x.Reconciler == "replicas" && x.Fails >= 3 && x.LastError == "exceeded quota: pods 0" && !x.Until.IsZero()
			})
		})
		if n := calls.creates.Load(); n > 10 {
			t.Errorf("%d pods were tried while the first was refused each time: growing batches should have stopped it", n)
		}
	})
}

// counting counts the pods asked for.
type counting struct {
	Requests
	creates atomic.Int64
}

func (c *counting) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	if verb == "POST" && strings.HasSuffix(path, "/pods") {
		c.creates.Add(1)
	}
	return c.Requests.Do(ctx, who, causes, reason, verb, path, contentType, body)
}

// held keeps every request of one reconciler until it is let go.
type held struct {
	Requests
	name string
	wait chan struct{}
	once sync.Once
}

func (h *held) Do(ctx context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, body []byte) (int, []byte, error) {
	if who.Name == h.name {
		<-h.wait
	}
	return h.Requests.Do(ctx, who, causes, reason, verb, path, contentType, body)
}

func TestTheSchedulerPlacesWhileAllOthersAreHeldUp(t *testing.T) {
	In(t, 1, func(w *World) {
		h := &held{Requests: w.Requests(), name: "replicas", wait: make(chan struct{})}
		w.closing = append(w.closing, func() { h.once.Do(func() { close(h.wait) }) })
		o := w.Whole()
		o.Requests, o.Silence, o.Workers = h, nil, 1
		_, stop := w.Run(o)
		w.Must(w.Node("n1"))
		w.Must(w.Apply(fmt.Sprintf(web, "ReplicaSet", 1, "v1")))
		w.Must(w.Apply("apiVersion: v1\nkind: Pod\nmetadata: {name: lone}\nspec: {containers: [{name: c, image: i}]}"))
		w.Until(time.Minute, "the lone pod is placed", func() bool { return strings.Contains(w.Show(events.Pods), "lone Pending on=n1") })
		h.once.Do(func() { close(h.wait) })
		w.Until(time.Minute, "the other pod", func() bool { return len(w.List(events.Pods)) == 2 })
		stop()
	})
}
