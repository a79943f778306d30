package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Status is an engine's queues as they are now.
type Status struct {
	Stopped bool
	Folded  events.Offset // the cache's
	Objects int           // in the cache
	Ready   int           // keys to be looked at now
	Acting  int           // keys whose plan is under way
	Waiting []Waiting     // keys that wait for a time, most failures first; at most 100
	Cores   []CoreStatus
}

// Waiting is one key that waits.
type Waiting struct {
	Reconciler string
	Key        events.Ref
	Fails      int       // in a row
	LastError  string    // why the last plan failed
	Until      time.Time // zero: for the cache
}

// CoreStatus is one core's loop.
type CoreStatus struct {
	Name         string
	Folded       events.Offset // taken by it
	Ready, Later int           // see reconcile.Core.Waiting
	Acting       int           // records under way
	LastError    string        // of the last batch
}

// Status tells what is queued; of a stopped engine only that it is.
func (e *Engine) Status() Status {
	ask := make(chan Status, 1)
	select {
	case e.asks <- ask:
		return <-ask
	case <-e.stopped:
		return Status{Stopped: true}
	}
}

func (e *Engine) status(acting int) Status {
	c := e.main
	s := Status{Folded: c.cache.At, Objects: c.cache.Len(), Ready: len(c.queue.ready), Acting: acting}
	for k, w := range c.queue.works {
		if w.running || w.queued || !w.dirty && w.due.IsZero() {
			continue
		}
		x := Waiting{Reconciler: c.name(k), Key: k.ref, Fails: c.queue.fails(k), LastError: w.lastError, Until: w.due}
		if w.dirty {
			x.Until = w.notBefore
		}
		s.Waiting = append(s.Waiting, x)
	}
	slices.SortFunc(s.Waiting, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(b.Fails, a.Fails), cmp.Compare(a.Reconciler, b.Reconciler), a.Key.Compare(b.Key))
	})
	s.Waiting = s.Waiting[:min(len(s.Waiting), 100)]
	for _, l := range e.cores {
		x := CoreStatus{Name: l.core.Describe().Name, Folded: events.Offset(l.state.folded.Load()), Ready: int(l.state.ready.Load()),
			Later: int(l.state.later.Load()), Acting: int(l.state.acting.Load())}
		if why := l.state.lastError.Load(); why != nil {
			x.LastError = *why
		}
		s.Cores = append(s.Cores, x)
	}
	return s
}

// Graph prints who reads what and does what, one after the other.
func Graph(o Options) string {
	var list []reconcile.Description
	for _, c := range o.Cores {
		list = append(list, c.Describe())
	}
	for _, r := range o.Reconcilers {
		list = append(list, r.Describe())
	}
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s\n", d.Name)
		for _, line := range []struct {
			verb string
			what []string
		}{{"reads", d.Reads}, {"watches", d.Watches}, {"emits", d.Emits}} {
			if len(line.what) > 0 {
				fmt.Fprintf(&b, "  %s %s\n", line.verb, strings.Join(line.what, ", "))
			}
		}
	}
	return b.String()
}
