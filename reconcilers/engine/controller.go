package engine

import (
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

// controller is what an engine knows and decides, without a goroutine or a
// clock: one loop owns it, or whoever steps it by hand.
type controller struct {
	opt            *Options
	whole, watched []string
	cache          *reconcile.Cache
	queue          *queue
	nodes          silences
}

func newController(o *Options) *controller {
	c := &controller{opt: o}
	c.whole, c.watched = kindsOf(o)
	return c
}

// load fills the cache as of a position, and queues every key once.
func (c *controller) load(at view.Position, now time.Time) error {
	c.cache, c.queue = reconcile.NewCache(at.R0, c.whole, c.watched), newQueue()
	c.cache.At, c.cache.Cell = at.Offset, at.Cell
	var all []*reconcile.Object
	err := each(c.opt.Cell, at, append(c.whole[:len(c.whole):len(c.whole)], c.watched...), func(o *view.Object) {
		if held := c.cache.Put(o); held != nil {
			all = append(all, held)
		}
	})
	for _, o := range all {
		c.notice(reconcile.Change{Ref: o.Ref, UID: o.UID, After: o, Trigger: reconcile.Trigger{Offset: events.NoOffset, Ref: o.Ref}}, now)
	}
	return err
}

// apply takes one record: it is in the cache before anything is looked at.
func (c *controller) apply(r *fold.Result, now time.Time) {
	for _, change := range c.cache.Apply(r) {
		c.notice(change, now)
	}
	c.queue.advanced(now, c.cache.At)
}

// notice queues the keys that a change concerns.
func (c *controller) notice(change reconcile.Change, now time.Time) {
	for i, r := range c.opt.Reconcilers {
		for _, ref := range r.Keys(c.cache, change) {
			c.queue.mark(key{i, ref}, change.Trigger, now, c.cache.At)
		}
	}
}

// look asks a reconciler about a key; it changes nothing but what was observed
// of nodes.
func (c *controller) look(k key, w *work, now time.Time) reconcile.Plan {
	r := c.opt.Reconcilers[k.reconciler]
	in := reconcile.Input{Now: now, Cache: c.cache, Key: k.ref}
	if w != nil {
		in.Triggers, in.LastError = w.triggers, w.lastError
	}
	c.find(&in, r.Needs(c.cache, k.ref))
	if r.Describe().Observes {
		in.Silence, in.Heard = c.nodes.look(now, c.opt.Silence)
	}
	return r.Reconcile(in)
}

// begin looks at a key that is ready; false: there is nothing to do.
func (c *controller) begin(k key, now time.Time) (reconcile.Plan, bool) {
	w := c.queue.take(k)
	w.dirty = false
	plan := c.look(k, w, now)
	w.triggers = nil
	return plan, c.queue.planned(w, plan, c.cache.At)
}

func (c *controller) name(k key) string { return c.opt.Reconcilers[k.reconciler].Describe().Name }
