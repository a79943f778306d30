package engine

import (
	"context"
	"maps"
	"sync/atomic"
	"time"
)

// contactLimit is how old the ledger's last answer may be, and how long ago the
// last look, for the time between to count.
const contactLimit = 4 * time.Second

// silences is what is remembered of nodes' silence.
type silences struct {
	contact atomic.Int64 // Unix ns when the ledger last answered
	looked  time.Time
	last    map[string]time.Duration
	heard   map[string]bool
}

// keepInTouch asks the ledger for its end now and then: only time in which it
// answers counts as time in which nodes could have been heard.
func (e *Engine) keepInTouch(ctx context.Context) {
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, contactLimit)
		if e.opt.Cell.ReadPoint(try) == nil {
			e.main.nodes.contact.Store(time.Now().UnixNano())
		}
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(contactLimit / 4):
		}
	}
}

// look asks the observer. A silence that shrank is the proof that a node was
// heard of: a small one alone may mean that the observer has just begun.
func (n *silences) look(now time.Time, ask func(time.Time, bool) map[string]time.Duration) (map[string]time.Duration, map[string]bool) {
	if ask == nil {
		return nil, nil
	}
	awake := now.Sub(n.looked) < contactLimit // else this process slept, and heard nobody
	inTouch := now.UnixNano()-n.contact.Load() < int64(contactLimit)
	n.looked = now
	current := ask(now, awake && inTouch)
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
