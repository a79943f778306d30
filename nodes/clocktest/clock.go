package clocktest

import (
	"container/heap"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Clock is a virtual clock.
//
// Invariant: now never passes a timer that has not fired.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	made   int // timers so far
	timers timers
}

var _ clock.WithDelayedExecution = (*Clock)(nil)

// New returns a clock that stands at start.
func New(start time.Time) *Clock { return &Clock{now: start} }

// Now implements clock.PassiveClock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Since implements clock.PassiveClock.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// NewTimer implements clock.Clock.
func (c *Clock) NewTimer(d time.Duration) clock.Timer {
	t := &timer{c: c, fired: make(chan time.Time, 1), at: -1}
	c.set(t, d)
	return t
}

// AfterFunc implements clock.WithDelayedExecution. f is called by Step, without
// a lock.
func (c *Clock) AfterFunc(d time.Duration, f func()) clock.Timer {
	t := &timer{c: c, f: f, at: -1}
	c.set(t, d)
	return t
}

// After implements clock.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time { return c.NewTimer(d).C() }

// Sleep implements clock.Clock: it waits for the clock to be moved.
func (c *Clock) Sleep(d time.Duration) { <-c.After(d) }

// Tick implements clock.Clock. A tick that nobody took is dropped.
func (c *Clock) Tick(d time.Duration) <-chan time.Time {
	ticks := make(chan time.Time, 1)
	var next func()
	next = func() {
		select {
		case ticks <- c.Now():
		default:
		}
		c.AfterFunc(d, next)
	}
	c.AfterFunc(d, next)
	return ticks
}

// Next is when the earliest timer is due; false where there is none.
func (c *Clock) Next() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return time.Time{}, false
	}
	return c.timers[0].due, true
}

// Step moves to the earliest timer and fires it; false where there is none.
func (c *Clock) Step() bool {
	c.mu.Lock()
	if len(c.timers) == 0 {
		c.mu.Unlock()
		return false
	}
	t := heap.Pop(&c.timers).(*timer)
	c.now = t.due
	now := c.now
	c.mu.Unlock()
	t.fire(now)
	return true
}

// Run steps until done says so, each time after settle has returned; false
// where that took longer than limit, on this clock, or no timer was left.
func (c *Clock) Run(limit time.Duration, settle func(), done func() bool) bool {
	end := c.Now().Add(limit)
	for {
		settle()
		if done() {
			return true
		}
		if next, ok := c.Next(); !ok || next.After(end) {
			return false
		}
		c.Step()
	}
}

func (c *Clock) set(t *timer, d time.Duration) {
	c.mu.Lock()
	if d > 0 {
		t.due, t.seq = c.now.Add(d), c.made
		c.made++
		heap.Push(&c.timers, t)
		c.mu.Unlock()
		return
	}
	now := c.now
	c.mu.Unlock()
	t.fire(now)
}

// timer is one of the clock's.
type timer struct {
	c     *Clock
	fired chan time.Time // nil with f
	f     func()
	due   time.Time
	seq   int
	at    int // in the heap; -1: it is not there
}

func (t *timer) fire(now time.Time) {
	if t.f != nil {
		t.f()
		return
	}
	select {
	case t.fired <- now:
	default:
	}
}

// C implements clock.Timer.
func (t *timer) C() <-chan time.Time { return t.fired }

// Stop implements clock.Timer.
func (t *timer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.at < 0 {
		return false
	}
	heap.Remove(&t.c.timers, t.at)
	return true
}

// Reset implements clock.Timer.
func (t *timer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.c.set(t, d)
	return was
}

// timers are a heap by time, then by age.
type timers []*timer

func (h timers) Len() int { return len(h) }
func (h timers) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].seq < h[j].seq
}
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	t := x.(*timer)
	t.at = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	t.at = -1
	*h = old[:len(old)-1]
	return t
}
