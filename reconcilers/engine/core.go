package engine

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/client-go/util/workqueue"

	"cairn/events"
	"cairn/projections/view"
)

// coreState is what a loop shows of itself.
type coreState struct {
	folded       atomic.Int64
	ready, later atomic.Int64
	acting       atomic.Int64
	lastError    atomic.Pointer[string]
}

// follow loads the core and works until the cell can't be followed. While a
// batch is under way, changes gather in the core; the next plan is made once it
// has taken what the batch wrote.
func (l *coreLoop) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := l.opt.Cell.Position()
	box, lost := subscribe(ctx, l.opt.Cell, at)
	l.core.Reset(at.R0)
	if err := each(l.opt.Cell, at, l.core.Describe().Reads, func(o *view.Object) { l.core.Put(o) }); err != nil {
		return err
	}
	l.state.folded.Store(int64(at.Offset))
	ended := make(chan ending, 1)
	acting, look, barrier := false, true, events.NoOffset
	pauses := workqueue.NewTypedItemExponentialFailureRateLimiter[int](refusedPause, refusedPauseMax)
	var due time.Time
	for {
		free := !acting && l.state.folded.Load() >= int64(barrier)
		if now := time.Now(); free && (look || !due.IsZero() && !now.Before(due)) {
			plan := l.core.Plan(now)
			look, due = false, plan.Due
			if len(plan.Intents) > 0 {
				acting = true
				l.state.acting.Store(int64(len(plan.Intents)))
				go func() { ended <- l.actor.act(ctx, key{}, l.core.Describe().Name, plan) }()
			}
			l.count()
		}
		select {
		case <-box.came:
			for _, r := range box.take() {
				l.core.Take(r)
				l.state.folded.Store(int64(r.Offset))
			}
			look = true
		case n := <-ended:
			acting, look, barrier = false, true, n.barrier
			l.state.acting.Store(0)
			l.state.lastError.Store(&n.lastError)
			if n.result != refused {
				pauses.Forget(0)
			} else { // nothing is known to be written
				look, due = false, time.Now().Add(pauses.When(0))
			}
		case <-until(due, free && !acting):
		case err := <-lost:
			return err
		case <-l.opt.Cell.Done():
			return l.opt.Cell.Err()
		case <-ctx.Done():
			if acting {
				<-ended
			}
			return ctx.Err()
		}
	}
}

func (l *coreLoop) count() {
	ready, later := l.core.Waiting()
	l.state.ready.Store(int64(ready))
	l.state.later.Store(int64(later))
}

func until(due time.Time, free bool) <-chan time.Time {
	if due.IsZero() || !free {
		return nil
	}
	return time.After(time.Until(due))
}
