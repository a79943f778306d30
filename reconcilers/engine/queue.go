package engine

import (
	"container/heap"
	"time"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Pauses after a plan that failed; both double with each failure in a row.
const (
	conflictPause    = 10 * time.Millisecond
	conflictPauseMax = time.Second
	refusedPause     = 100 * time.Millisecond
	refusedPauseMax  = 30 * time.Second
	triggersMax      = 16
)

type workKey struct {
	reconciler int
	ref        events.Ref
}

// work is what the engine knows of a key that is not at rest.
//
// Invariant: running, or in ready, or in held, or its time stands in timers,
// or it is not dirty.
type work struct {
	triggers  []step.Trigger
	dirty     bool // to be looked at
	queued    bool // stands in ready
	held      bool // stands in held
	running   bool
	barrier   events.Offset // not before the picture holds this
	notBefore time.Time
	due       time.Time
	fails     int
	trouble   string
}

func (e *Engine) mark(k workKey, t step.Trigger) {
	w := e.works[k]
	if w == nil {
		w = &work{barrier: events.NoOffset}
		e.works[k] = w
	}
	w.dirty = true
	if t.Offset != events.NoOffset {
		if w.triggers = append(w.triggers, t); len(w.triggers) > triggersMax {
			w.triggers = append(w.triggers[:0:0], w.triggers[len(w.triggers)-triggersMax:]...)
		}
	}
	e.consider(k)
}

// consider puts a dirty key where it belongs.
func (e *Engine) consider(k workKey) {
	w := e.works[k]
	if w == nil {
		return
	}
	if !w.dirty || w.running || w.queued || w.held {
		return
	}
	switch {
	case e.opt.Clock.Now().Before(w.notBefore):
		e.at(w.notBefore, k)
	case e.picture.At < w.barrier:
		w.held = true
		e.held = append(e.held, k)
	default:
		w.queued = true
		e.ready = append(e.ready, k)
	}
}

func (e *Engine) at(t time.Time, k workKey) { heap.Push(&e.timers, timer{t, k}) }

// fire queues the keys whose time has come.
func (e *Engine) fire() {
	now := e.opt.Clock.Now()
	for len(e.timers) > 0 && !now.Before(e.timers[0].at) {
		k := heap.Pop(&e.timers).(timer).key
		w := e.works[k]
		if w == nil {
			continue
		}
		if !w.due.IsZero() && !now.Before(w.due) {
			w.due, w.dirty = time.Time{}, true
		}
		e.consider(k)
		e.forget(k, w)
	}
}

// finish takes the end of a key's plan.
func (e *Engine) finish(n ending) {
	w := e.works[n.key]
	if w == nil {
		return
	}
	w.running = false
	w.barrier = max(w.barrier, n.barrier)
	switch n.result {
	case done:
		w.fails, w.trouble, w.notBefore = 0, "", time.Time{}
	case conflict:
		w.fails++
		w.dirty, w.notBefore = true, e.opt.Clock.Now().Add(pause(conflictPause, conflictPauseMax, w.fails))
	case refused:
		w.fails++
		w.dirty, w.trouble, w.notBefore = true, n.trouble, e.opt.Clock.Now().Add(pause(refusedPause, refusedPauseMax, w.fails))
	}
	e.consider(n.key)
	e.forget(n.key, w)
}

// forget drops a key that is at rest, but not before the picture holds what its
// last plan wrote: a change of something else must not have it stepped earlier.
func (e *Engine) forget(k workKey, w *work) {
	switch {
	case w.dirty || w.running || w.queued || !w.due.IsZero():
	case e.picture.At < w.barrier:
		e.at(e.opt.Clock.Now().Add(time.Second), k)
	default:
		delete(e.works, k)
	}
}

func pause(first, most time.Duration, fails int) time.Duration {
	return min(most, first<<min(fails-1, 20))
}

type timer struct {
	at  time.Time
	key workKey
}

type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}
