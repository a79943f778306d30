package engine

import (
	"context"
	"fmt"
	"time"

	"cairn/events"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

// Stepper runs reconcilers by hand, one look at a time: for test worlds and
// simulation, where nothing may happen by itself. All that decides is the
// engine's; only its loops are left out.
type Stepper struct {
	opt   Options
	actor *actor
	ctl   *controller
	box   *inbox
	lost  <-chan error
	taken events.Offset
	core  []coreTurn
}

// coreTurn is when a core is to be asked.
type coreTurn struct {
	look bool
	due  time.Time
}

// Look is one thing to look at: a reconciler's key, or, with a core's name and no
// key, all that it has.
type Look struct {
	Reconciler string
	Key        events.Ref
}

// NewStepper loads the cell as it is now; the subscription ends with ctx.
func NewStepper(ctx context.Context, o Options) (*Stepper, error) {
	o.fill()
	s := &Stepper{opt: o, core: make([]coreTurn, len(o.Cores))}
	s.actor, s.ctl = newActor(&s.opt), newController(&s.opt)
	at := o.Cell.Position()
	s.box, s.lost = subscribe(ctx, o.Cell, at)
	s.taken = at.Offset
	s.ctl.nodes.contact.Store(time.Now().UnixNano())
	if err := s.ctl.load(at, time.Now()); err != nil {
		return nil, err
	}
	for i, c := range o.Cores {
		c.Reset(at.R0)
		if err := each(o.Cell, at, c.Describe().Reads, func(o *view.Object) { c.Put(o) }); err != nil {
			return nil, err
		}
		s.core[i].look = true
	}
	return s, nil
}

// CatchUp takes all that the cell has folded by now, and what has fallen due.
func (s *Stepper) CatchUp() error {
	for end := s.opt.Cell.Position().Offset; s.taken < end; {
		select {
		case <-s.box.came:
		case err := <-s.lost:
			return err
		}
		for _, r := range s.box.take() {
			s.ctl.apply(r, time.Now())
			for i, c := range s.opt.Cores {
				c.Take(r)
				s.core[i].look = true
			}
			s.taken = r.Offset
		}
	}
	now := time.Now()
	s.ctl.nodes.contact.Store(now.UnixNano())
	s.ctl.queue.fire(now, s.ctl.cache.At)
	for i := range s.core {
		if t := &s.core[i]; !t.due.IsZero() && !now.Before(t.due) {
			t.look = true
		}
	}
	return nil
}

// Ready lists what is to be looked at now, in order.
func (s *Stepper) Ready() (list []Look) {
	for i, c := range s.opt.Cores {
		if s.core[i].look {
			list = append(list, Look{Reconciler: c.Describe().Name})
		}
	}
	for _, k := range s.ctl.queue.ready {
		list = append(list, Look{s.ctl.name(k), k.ref})
	}
	return list
}

// Retry is when the next look that failed is due again; zero: none waits.
func (s *Stepper) Retry() (at time.Time) {
	for _, w := range s.ctl.queue.works {
		if w.dirty && !w.notBefore.IsZero() && (at.IsZero() || w.notBefore.Before(at)) {
			at = w.notBefore
		}
	}
	return at
}

// Plan looks without acting; what made it look still counts afterwards.
func (s *Stepper) Plan(l Look) (reconcile.Plan, error) {
	for _, c := range s.opt.Cores {
		if c.Describe().Name == l.Reconciler {
			return c.Plan(time.Now()), nil
		}
	}
	k, err := s.key(l)
	if err != nil {
		return reconcile.Plan{}, err
	}
	return s.ctl.look(k, s.ctl.queue.works[k], time.Now()), nil
}

// Act looks and does what is planned, and returns why that ended early, if it did.
func (s *Stepper) Act(ctx context.Context, l Look) (plan reconcile.Plan, failed string, err error) {
	for i, c := range s.opt.Cores {
		if c.Describe().Name == l.Reconciler {
			plan = c.Plan(time.Now())
			s.core[i] = coreTurn{due: plan.Due}
			n := s.actor.act(ctx, key{}, l.Reconciler, plan)
			return plan, n.lastError, nil
		}
	}
	k, err := s.key(l)
	if err != nil {
		return plan, "", err
	}
	if w := s.ctl.queue.works[k]; w == nil || !w.queued { // nothing gave reason: look all the same
		s.ctl.queue.mark(k, reconcile.Trigger{Offset: events.NoOffset}, time.Now(), s.ctl.cache.At)
		if w = s.ctl.queue.works[k]; !w.queued {
			w.queued = true
			s.ctl.queue.ready = append(s.ctl.queue.ready, k)
		}
	}
	plan, do := s.ctl.begin(k, time.Now())
	if !do {
		return plan, "", nil
	}
	n := s.actor.act(ctx, k, l.Reconciler, plan)
	s.ctl.queue.finish(n, time.Now(), s.ctl.cache.At)
	return plan, n.lastError, s.CatchUp()
}

func (s *Stepper) key(l Look) (key, error) {
	for i, r := range s.opt.Reconcilers {
		if r.Describe().Name == l.Reconciler {
			return key{i, l.Key}, nil
		}
	}
	return key{}, fmt.Errorf("no reconciler is called %q", l.Reconciler)
}
