package engine

import (
	"testing"
	"time"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

var (
	noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	web  = key{0, events.Ref{Kind: events.ReplicaSets, Namespace: "d", Name: "web"}}
	todo = reconcile.Plan{Intents: []reconcile.Intent{{}}}
)

func trigger(o events.Offset) reconcile.Trigger { return reconcile.Trigger{Offset: o} }

func TestHoweverMuchHappensToAKeyItIsLookedAtOnceAndKeepsItsLastTriggers(t *testing.T) {
	q := newQueue()
	for i := range events.Offset(1000) {
		q.mark(web, trigger(i), noon, i)
	}
	if len(q.ready) != 1 || len(q.works) != 1 {
		t.Fatalf("%d ready, %d works", len(q.ready), len(q.works))
	}
	w := q.take(web)
	if len(w.triggers) != triggersMax || w.triggers[triggersMax-1].Offset != 999 {
		t.Errorf("triggers %v", w.triggers)
	}
	w.dirty = false
	if q.planned(w, reconcile.Plan{}, 999) || len(q.works) != 0 {
		t.Errorf("a key at rest is remembered: %v", q.works)
	}
}

func TestAKeyIsNotLookedAtBeforeTheCacheHoldsWhatItsPlanWrote(t *testing.T) {
	q := newQueue()
	begin(q, 5)
	q.mark(web, trigger(6), noon, 6) // while its plan is under way
	if len(q.ready) != 0 {
		t.Fatal("it is looked at while its plan is under way")
	}
	q.finish(ending{key: web, barrier: 8}, noon, 6)
	for at := events.Offset(6); at < 8; at++ {
		if q.advanced(noon, at); len(q.ready) != 0 {
			t.Fatalf("looked at with the cache at %d", at)
		}
	}
	if q.advanced(noon, 8); len(q.ready) != 1 {
		t.Error("not looked at with the cache at 8")
	}
}

func TestPausesDoubleAndEndWithSuccess(t *testing.T) {
	for _, c := range []struct {
		result result
		pauses []time.Duration
	}{
		{conflict, []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond}},
		{refused, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}},
	} {
		q, now := newQueue(), noon
		for round := range 2 {
			for _, pause := range c.pauses {
				begin(q, 1)
				q.finish(ending{key: web, barrier: 1, result: c.result, lastError: "no"}, now, 1)
				if q.fire(now.Add(pause-time.Millisecond), 1); len(q.ready) != 0 {
					t.Fatalf("result %d, round %d: looked at before %v", c.result, round, pause)
				}
				now = now.Add(pause)
				if q.fire(now, 1); len(q.ready) != 1 {
					t.Fatalf("result %d, round %d: not looked at after %v", c.result, round, pause)
				}
			}
			begin(q, 1)
			q.finish(ending{key: web, barrier: 1}, now, 1)
			if q.fails(web) != 0 || len(q.works) != 0 {
				t.Fatalf("after a success: %d fails, %v", q.fails(web), q.works)
			}
		}
	}
}

func TestAKeyHasOneTimerWhicheverTimesItWishedFor(t *testing.T) {
	q := newQueue()
	for i := range 100 {
		q.mark(web, trigger(1), noon, 1)
		w := q.take(web)
		w.dirty = false
		q.planned(w, reconcile.Plan{Due: noon.Add(time.Duration(100-i) * time.Second)}, 1)
	}
	if len(q.timers) != 1 {
		t.Fatalf("%d timers", len(q.timers))
	}
	if q.fire(noon.Add(time.Second), 1); len(q.ready) != 1 {
		t.Error("it is not looked at when it is due")
	}
}

// begin marks the key, if need be, and has its plan set going.
func begin(q *queue, at events.Offset) {
	if len(q.ready) == 0 {
		q.mark(web, trigger(at), noon, at)
	}
	w := q.take(web)
	w.dirty = false
	q.planned(w, todo, at)
}
