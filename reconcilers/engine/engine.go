package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cairn/projections/fold"
	"cairn/reconcilers/step"
)

// Engine runs reconcilers on one cell. Make one with New.
type Engine struct {
	opt     Options
	kinds   []string
	slots   chan struct{} // requests under way
	asks    chan chan Status
	stopped chan struct{}
	contact atomic.Int64 // clock's Unix ns when the ledger last answered
	acting  sync.WaitGroup

	// The loop's own.
	picture *step.Picture
	works   map[workKey]*work
	ready   []workKey // to be stepped, in order
	held    []workKey // wait for the picture
	timers  timers
	results chan *fold.Result
	ended   chan ending
	nodes   silences
}

// New makes an engine; Run starts it.
func New(o Options) *Engine {
	o.fill()
	return &Engine{opt: o, kinds: kindsOf(o), slots: make(chan struct{}, o.Workers),
		asks: make(chan chan Status), stopped: make(chan struct{})}
}

// Run works until ctx ends (nil) or the cell stops (its error). It may be
// called once.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	ctx, cancel := context.WithCancel(ctx)
	defer e.acting.Wait()
	defer cancel()
	e.touch()
	if e.opt.Silence != nil {
		e.acting.Add(1)
		go e.keepInTouch(ctx)
	}
	for {
		err := e.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-e.opt.Cell.Done():
			return fmt.Errorf("engine: the cell stopped: %w", e.opt.Cell.Err())
		case <-ctx.Done():
			return nil
		case <-e.opt.Clock.After(time.Second):
			e.opt.Log.Warn("engine starts anew from the view", "why", err)
		}
	}
}

// follow loads a picture and works on it until it can't be kept.
func (e *Engine) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.works, e.ready, e.held, e.timers = map[workKey]*work{}, nil, nil, nil
	e.results = make(chan *fold.Result, 1024)
	e.ended = make(chan ending, 64)
	lost, err := e.load(ctx)
	if err != nil {
		return err
	}
	now := make(chan time.Time)
	close(now)
	for {
		e.run(ctx)
		var wake <-chan time.Time
		if len(e.timers) > 0 {
			wake = e.opt.Clock.After(e.timers[0].at.Sub(e.opt.Clock.Now()))
		}
		if len(e.ready) > 0 { // more to step: only look whether something came
			wake = now
		}
		select {
		case r := <-e.results:
			e.apply(r)
			e.drain()
		case n := <-e.ended:
			e.finish(n)
		case <-wake:
		case ask := <-e.asks:
			ask <- e.status()
		case err := <-lost:
			return err
		case <-e.opt.Cell.Done():
			return e.opt.Cell.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
		e.fire()
	}
}

// drain applies what has come meanwhile, so that a burst is looked at once.
func (e *Engine) drain() {
	for range cap(e.results) {
		select {
		case r := <-e.results:
			e.apply(r)
		default:
			return
		}
	}
}

func (e *Engine) apply(r *fold.Result) {
	for _, c := range e.picture.Apply(r) {
		e.notice(c)
	}
	held := e.held
	e.held = nil
	for _, k := range held {
		e.works[k].held = false
		e.consider(k)
	}
}

// notice queues the keys that a change concerns.
func (e *Engine) notice(c step.Change) {
	for i, r := range e.opt.Reconcilers {
		for _, ref := range r.Keys(e.picture, c) {
			e.mark(workKey{i, ref}, c.Trigger)
		}
	}
}
