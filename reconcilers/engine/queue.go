package engine

import (
	"container/heap"
	"slices"
	"time"

	"k8s.io/client-go/util/workqueue"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Pauses after a plan that failed; both double with each failure in a row.
const (
	conflictPause    = 10 * time.Millisecond
	conflictPauseMax = time.Second
	refusedPause     = 100 * time.Millisecond
	refusedPauseMax  = 30 * time.Second
	triggersMax      = 16
)

// key is what one reconciler looks at.
type key struct {
	reconciler int
	ref        events.Ref
}

// work is what a queue knows of a key that is not at rest.
//
// Invariant: running, or in ready, or in held, or in timers, or not dirty.
type work struct {
	key       key
	triggers  []reconcile.Trigger // the last triggersMax
	dirty     bool                // to be looked at
	queued    bool                // stands in ready
	held      bool                // stands in held
	running   bool
	barrier   events.Offset // not before the cache holds this
	notBefore time.Time
	due       time.Time // the reconciler's own wish; zero: none
	lastError string
	wake      time.Time // when its timer fires
	timer     int       // its place in timers; -1: none
}

// queue says which key is looked at next, and when: a function of the calls
// made to it. There is one entry for a key however much happens to it.
//
// client-go's workqueue would be the first choice, but its delays come from
// goroutines and a clock of its own, so what it hands out could not be stepped;
// its rate limiters are functions, and are used.
type queue struct {
	works     map[key]*work
	ready     []key // to be looked at, in order
	held      []key // wait for the cache
	timers    timers
	conflicts workqueue.TypedRateLimiter[key]
	refusals  workqueue.TypedRateLimiter[key]
}

func newQueue() *queue {
	return &queue{works: map[key]*work{},
		conflicts: workqueue.NewTypedItemExponentialFailureRateLimiter[key](conflictPause, conflictPauseMax),
		refusals:  workqueue.NewTypedItemExponentialFailureRateLimiter[key](refusedPause, refusedPauseMax)}
}

// mark asks for a look at a key, because of a change or, with NoOffset, anyway.
func (q *queue) mark(k key, t reconcile.Trigger, now time.Time, at events.Offset) {
	w := q.works[k]
	if w == nil {
		w = &work{key: k, barrier: events.NoOffset, timer: -1}
		q.works[k] = w
	}
	w.dirty = true
	if t.Offset != events.NoOffset {
		if w.triggers = append(w.triggers, t); len(w.triggers) > triggersMax {
			w.triggers = append(w.triggers[:0:0], w.triggers[len(w.triggers)-triggersMax:]...)
		}
	}
	q.consider(w, now, at)
}

// consider puts a dirty key where it belongs; at is how far the cache is.
func (q *queue) consider(w *work, now time.Time, at events.Offset) {
	if !w.dirty || w.running || w.queued || w.held {
		return
	}
	switch {
	case now.Before(w.notBefore):
		q.wakeBy(w, w.notBefore)
	case at < w.barrier:
		w.held = true
		q.held = append(q.held, w.key)
	default:
		w.queued = true
		q.ready = append(q.ready, w.key)
	}
}

// advanced looks again at the keys that waited for the cache.
func (q *queue) advanced(now time.Time, at events.Offset) {
	held := q.held
	q.held = nil
	for _, k := range held {
		w := q.works[k]
		w.held = false
		q.consider(w, now, at)
		q.forget(w, at)
	}
}

// take begins with a key that is ready.
func (q *queue) take(k key) *work {
	if i := slices.Index(q.ready, k); i == 0 {
		q.ready = q.ready[1:]
	} else if i > 0 {
		q.ready = slices.Delete(q.ready, i, i+1)
	}
	if len(q.ready) == 0 {
		q.ready = nil // let go of what the shared array still holds
	}
	w := q.works[k]
	w.queued = false
	return w
}

// planned notes what a look at a key came to: it is acting now, or at rest.
func (q *queue) planned(w *work, plan reconcile.Plan, at events.Offset) (acting bool) {
	w.due = plan.Due
	if !w.due.IsZero() {
		q.wakeBy(w, w.due)
	}
	if len(plan.Intents) == 0 {
		q.succeeded(w)
		q.forget(w, at)
		return false
	}
	w.running = true
	return true
}

func (q *queue) succeeded(w *work) {
	q.conflicts.Forget(w.key)
	q.refusals.Forget(w.key)
	w.lastError, w.notBefore = "", time.Time{}
}

// finish takes the end of a key's plan.
func (q *queue) finish(n ending, now time.Time, at events.Offset) {
	w := q.works[n.key]
	if w == nil {
		return
	}
	w.running = false
	w.barrier = max(w.barrier, n.barrier)
	switch n.result {
	case done:
		q.succeeded(w)
	case conflict:
		w.dirty, w.notBefore = true, now.Add(q.conflicts.When(w.key))
	case refused:
		w.dirty, w.lastError, w.notBefore = true, n.lastError, now.Add(q.refusals.When(w.key))
	}
	q.consider(w, now, at)
	q.forget(w, at)
}

// fails counts a key's failures in a row.
func (q *queue) fails(k key) int { return q.conflicts.NumRequeues(k) + q.refusals.NumRequeues(k) }

// forget drops a key that is at rest, but not before the cache holds what its
// last plan wrote: a change of something else must not have it looked at earlier.
func (q *queue) forget(w *work, at events.Offset) {
	switch {
	case w.dirty || w.running || w.queued || w.held || !w.due.IsZero():
	case at < w.barrier:
		w.held = true
		q.held = append(q.held, w.key)
	default:
		delete(q.works, w.key)
		if w.timer >= 0 {
			heap.Remove(&q.timers, w.timer)
		}
	}
}

// fire queues the keys whose time has come.
func (q *queue) fire(now time.Time, at events.Offset) {
	for len(q.timers) > 0 && !now.Before(q.timers[0].wake) {
		w := heap.Pop(&q.timers).(*work)
		if !w.due.IsZero() {
			if now.Before(w.due) {
				q.wakeBy(w, w.due)
			} else {
				w.due, w.dirty = time.Time{}, true
			}
		}
		q.consider(w, now, at)
		q.forget(w, at)
	}
}

// wakeBy sees that a key's timer fires at t or earlier; a key has one.
func (q *queue) wakeBy(w *work, t time.Time) {
	switch {
	case w.timer < 0:
		w.wake = t
		heap.Push(&q.timers, w)
	case t.Before(w.wake):
		w.wake = t
		heap.Fix(&q.timers, w.timer)
	}
}

// timers is a heap of keys by when they are to be considered.
type timers []*work

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].wake.Before(t[j].wake) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}

func (t *timers) Push(x any) {
	w := x.(*work)
	w.timer = len(*t)
	*t = append(*t, w)
}

func (t *timers) Pop() any {
	old := *t
	w := old[len(old)-1]
	*t = old[:len(old)-1]
	w.timer = -1
	return w
}
