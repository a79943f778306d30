package hub

import (
	"cmp"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/feeds"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// removals tells a table which keys were removed after floor, up to start.
func removals(reads Reads, network *feeds.Network, start view.Position, floor events.Offset) error {
	var gone []removal
	for _, kind := range feeds.VIPKinds() {
		after := events.RevisionOf(start.R0, floor, events.MaxOrdinal)
		for after < start.Revision() {
			deltas, upTo, err := reads.Changes(kind, after, 1000)
			if err != nil {
				return fmt.Errorf("hub: what changed of %s: %w", kind, err)
			}
			for i := range deltas {
				d := &deltas[i]
				was, is := feeds.VIPKey(d.Previous), ""
				if !d.Deleted {
					is = feeds.VIPKey(d.Object)
				}
				if d.Revision <= start.Revision() && was != "" && was != is {
					gone = append(gone, removal{was, d.Revision.Offset(start.R0)})
				}
			}
			if upTo <= after {
				break
			}
			after = upTo
		}
	}
	slices.SortStableFunc(gone, func(a, b removal) int { return cmp.Compare(a.at, b.at) })
	for _, r := range gone {
		network.Forget(r.key, r.at)
	}
	return nil
}

type removal struct {
	key string
	at  events.Offset
}

// objectOf gives the object after a change, with the parts that the change has.
func objectOf(c *fold.Change) *view.Object {
	return &view.Object{Ref: c.Ref, UID: c.UID, Revision: c.Revision, Written: c.Written, Created: c.Created,
		Facts: c.Facts, Projected: c.Projected, Spec: c.Spec, Status: c.Status}
}

// whoDeletes finds who asked for a pod's deletion; empty where the view can't tell.
func whoDeletes(reads Reads, ref events.Ref, upTo events.Offset) string {
	offsets, err := reads.Touching(ref, 0, upTo+1, 0)
	if err != nil {
		return ""
	}
	for i := len(offsets) - 1; i >= 0; i-- {
		rec, err := reads.Record(offsets[i])
		if err == nil && rec.Subject == ref && rec.Outcome.Accepted() && asksForDeletion(rec.Type) {
			return rec.Actor
		}
	}
	return ""
}

func whoAsks(r *fold.Result) string {
	if r.Event == nil || !asksForDeletion(r.Event.Type) {
		return ""
	}
	if r.Event.Reason == "" {
		return r.Event.Actor.Who()
	}
	return r.Event.Actor.Who() + ": " + r.Event.Reason
}

func asksForDeletion(t events.Type) bool {
	return t == events.DeletionRequested || t == events.PodEvicted || t == events.ObjectDeleted
}
