package engine

import (
	"context"
	"maps"
	"time"
)

// contactLimit is how old the ledger's last answer may be, and how long ago the
// last look, for the time between to count.
const contactLimit = 4 * time.Second

// silences is what the loop remembers of nodes' silence.
type silences struct {
	looked time.Time
	last   map[string]time.Duration
	heard  map[string]bool
}

// keepInTouch asks the ledger for its end now and then: only time in which it
// answers counts as time in which nodes could have been heard.
func (e *Engine) keepInTouch(ctx context.Context) {
	defer e.acting.Done()
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, contactLimit)
		if e.opt.Cell.ReadPoint(try) == nil {
			e.touch()
		}
		cancel()
		select {
		case <-ctx.Done():
		case <-e.opt.Clock.After(contactLimit / 4):
		}
	}
}

func (e *Engine) touch() { e.contact.Store(e.opt.Clock.Now().UnixNano()) }

// silence asks the observer. A silence that shrank is the proof that a node was
// heard of: a small one alone may mean that the observer has just begun.
func (e *Engine) silence(now time.Time) (map[string]time.Duration, map[string]bool) {
	if e.opt.Silence == nil {
		return nil, nil
	}
	n := &e.nodes
	awake := now.Sub(n.looked) < contactLimit // else this process slept, and heard nobody
	inTouch := now.UnixNano()-e.contact.Load() < int64(contactLimit)
	n.looked = now
	current := e.opt.Silence(now, awake && inTouch)
	heard := maps.Clone(n.heard)
	if heard == nil {
		heard = map[string]bool{}
	}
	for name, d := range current {
		if before, known := n.last[name]; known && d < before {
			heard[name] = true
		}
	}
	n.last, n.heard = current, heard
	return current, heard
}
