package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Status is an engine's queue as it is now.
type Status struct {
	Stopped bool
	Folded  events.Offset // the picture's
	Objects int           // in the picture
	Ready   int           // keys to be stepped now
	Acting  int           // keys whose plan is under way
	Waiting []Waiting     // keys that wait for a time, most failures first; at most 100
}

// Waiting is one key that waits.
type Waiting struct {
	Reconciler string
	Key        events.Ref
	Fails      int       // in a row
	Trouble    string    // why the last plan failed
	Until      time.Time // zero: for the picture
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

func (e *Engine) status() Status {
	s := Status{Folded: e.picture.At, Objects: e.picture.Len(), Ready: len(e.ready)}
	for k, w := range e.works {
		if w.running {
			s.Acting++
			continue
		}
		if w.queued || !w.dirty && w.due.IsZero() {
			continue
		}
		x := Waiting{Reconciler: e.opt.Reconcilers[k.reconciler].About().Name, Key: k.ref, Fails: w.fails, Trouble: w.trouble, Until: w.due}
		if w.dirty {
			x.Until = w.notBefore
		}
		s.Waiting = append(s.Waiting, x)
	}
	slices.SortFunc(s.Waiting, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(b.Fails, a.Fails), cmp.Compare(a.Reconciler, b.Reconciler), a.Key.Compare(b.Key))
	})
	s.Waiting = s.Waiting[:min(len(s.Waiting), 100)]
	return s
}

// Graph prints who reads what and does what, one reconciler after the other.
func Graph(list []step.Reconciler) string {
	var b strings.Builder
	for _, r := range list {
		c := r.About()
		fmt.Fprintf(&b, "%s\n  reads %s\n  emits %s\n", c.Name, strings.Join(c.Reads, ", "), strings.Join(c.Emits, ", "))
	}
	return b.String()
}

// Graph prints the engine's reconcilers.
func (e *Engine) Graph() string { return Graph(e.opt.Reconcilers) }
