package view

import (
	"time"

	"cairn/events"
	"cairn/projections/fold"
)

// Event is what `kubectl get events` lists: a series of occurrences that are
// alike, counted as Kubernetes does. It is made from the fold's KubeEvents and
// is no part of the fold's state.
type Event struct {
	fold.KubeEvent                 // the last occurrence
	Count                   uint64 // occurrences
	First, Last             int64  // ledger time, ns
	FirstOffset, LastOffset events.Offset
}

// How long an Event lives after its last occurrence, in ledger time: EventTTL,
// and up to EventStep more.
const (
	EventTTL  = time.Hour
	EventStep = 5 * time.Minute
)

// EventFloor gives the time before which an Event must have occurred last to be
// gone as of a record with ledger time t (ns). It moves in steps, and is a
// function of ledger times alone.
func EventFloor(t int64) int64 { return t - t%int64(EventStep) - int64(EventTTL) }

// EventsChanged reports whether a record changed Events: some occurred, or
// ended with their namespace or with age. Before is the ledger time of the
// record before it. Watchers of Events are to be woken by it, as a Result's
// Changes don't name them.
func EventsChanged(before int64, r *Result) bool {
	for i := range r.Changes {
		if c := &r.Changes[i]; c.Deleted && c.Ref.Kind == events.Namespaces {
			return true
		}
	}
	return len(r.KubeEvents) > 0 || EventFloor(before) != EventFloor(r.Time)
}
