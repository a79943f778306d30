package scheduler

import (
	"container/heap"
	"time"
)

// timed is what a timer wakes: a shape that has something to tell or to look
// at again, or a pod whose delay is over.
type timed interface{ timer() *timer }

// timer is the one time at which something is to be woken.
type timer struct {
	at    time.Time
	index int // in timers, from 1; 0: not there
	who   timed
}

func (sh *shape) timer() *timer { return &sh.wake }
func (p *pod) timer() *timer    { return &p.wake }

// wakeBy sees that one is woken at t or earlier.
func (s *state) wakeBy(who timed, t time.Time) {
	a := who.timer()
	switch {
	case a.index == 0:
		a.at, a.who = t, who
		heap.Push(&s.timers, a)
	case t.Before(a.at):
		a.at = t
		heap.Fix(&s.timers, a.index-1)
	}
}

// cancel takes one's timer away.
func (s *state) cancel(who timed) {
	if a := who.timer(); a.index > 0 {
		heap.Remove(&s.timers, a.index-1)
	}
}

// fire wakes those whose time has come.
func (s *state) fire(now time.Time) {
	for len(s.timers) > 0 && !now.Before(s.timers[0].at) {
		switch who := heap.Pop(&s.timers).(*timer).who.(type) {
		case *pod:
			s.resume(who)
		case *shape:
			s.untold[who] = true
			if now.Before(who.stale) {
				s.wakeBy(who, who.stale)
			} else {
				who.look = true
				who.stale = now.Add(who.patience)
				s.wakeBy(who, who.stale)
			}
		}
	}
}

type timers []*timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i+1, j+1
}

func (t *timers) Push(x any) {
	a := x.(*timer)
	*t = append(*t, a)
	a.index = len(*t)
}

func (t *timers) Pop() any {
	a := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = nil
	*t = (*t)[:len(*t)-1]
	a.index = 0
	return a
}
