package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cairn/reconcilers/reconcile"
)

// Engine runs reconcilers on one cell. Make one with New.
type Engine struct {
	opt     Options
	actor   *actor
	asks    chan chan Status
	stopped chan struct{}
	main    *controller // its loop's own
	cores   []*coreLoop
}

// New makes an engine; Run starts it.
func New(o Options) *Engine {
	o.fill()
	e := &Engine{opt: o, asks: make(chan chan Status), stopped: make(chan struct{})}
	e.actor = newActor(&e.opt)
	e.main = newController(&e.opt)
	for _, c := range o.Cores {
		e.cores = append(e.cores, &coreLoop{core: c, opt: &e.opt, actor: e.actor})
	}
	return e
}

// Run works until ctx ends (nil) or the cell stops (its error). It may be
// called once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	failed := make(chan error, 1+len(e.cores))
	start := func(name string, follow func(context.Context) error) {
		running.Go(func() {
			defer cancel() // all or none
			failed <- e.again(ctx, name, follow)
		})
	}
	e.main.nodes.contact.Store(time.Now().UnixNano())
	if e.opt.Silence != nil {
		running.Go(func() { e.keepInTouch(ctx) })
	}
	start("reconcilers", e.follow)
	for _, l := range e.cores {
		start(l.core.Describe().Name, l.follow)
	}
	running.Wait()
	cancel()
	close(failed)
	var err error
	for f := range failed {
		err = errors.Join(err, f)
	}
	return err
}

// again follows the cell from a fresh list each time it could not be followed
// any more.
func (e *Engine) again(ctx context.Context, name string, follow func(context.Context) error) error {
	for {
		err := follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-e.opt.Cell.Done():
			return fmt.Errorf("engine: the cell stopped: %w", e.opt.Cell.Err())
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
			e.opt.Log.Warn("a loop of the engine starts anew from the view", "loop", name, "why", err)
		}
	}
}

// plansAtOnce is how many plans are under way at most; looksAtOnce how many
// keys are looked at before the loop takes what has come.
const plansAtOnce, looksAtOnce = 64, 64

// follow loads a cache and works on it until it can't be kept.
func (e *Engine) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var acting sync.WaitGroup
	defer acting.Wait()
	defer cancel()
	at := e.opt.Cell.Position()
	box, lost := subscribe(ctx, e.opt.Cell, at)
	if err := e.main.load(at, time.Now()); err != nil {
		return err
	}
	ended, under := make(chan ending, plansAtOnce), 0
	for {
		for range looksAtOnce {
			if under == plansAtOnce || len(e.main.queue.ready) == 0 {
				break
			}
			k := e.main.queue.ready[0]
			if plan, do := e.main.begin(k, time.Now()); do {
				under++
				acting.Go(func() { ended <- e.actor.act(ctx, k, e.main.name(k), plan) })
			}
		}
		select {
		case <-box.came:
			e.take(box)
		case n := <-ended:
			under--
			e.main.queue.finish(n, time.Now(), e.main.cache.At)
		case <-e.wake(under < plansAtOnce):
		case ask := <-e.asks:
			ask <- e.status(under)
		case err := <-lost:
			return err
		case <-e.opt.Cell.Done():
			return e.opt.Cell.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
		e.main.queue.fire(time.Now(), e.main.cache.At)
	}
}

// take applies what has come meanwhile, so that a burst is looked at once.
func (e *Engine) take(box *inbox) {
	for _, r := range box.take() {
		e.main.apply(r, time.Now())
	}
}

var closed = func() chan time.Time { c := make(chan time.Time); close(c); return c }()

// wake tells when the loop has something to do though nothing comes: at once
// while keys are ready and may begin.
func (e *Engine) wake(free bool) <-chan time.Time {
	switch q := e.main.queue; {
	case len(q.ready) > 0 && free:
		return closed
	case len(q.timers) > 0:
		return time.After(time.Until(q.timers[0].wake))
	}
	return nil
}

// coreLoop runs one Core: a subscription, a batch of records at a time.
type coreLoop struct {
	core  reconcile.Core
	opt   *Options
	actor *actor
	state coreState
}
