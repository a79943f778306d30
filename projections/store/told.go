package store

import (
	"errors"
	"slices"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"

	"github.com/cockroachdb/pebble/v2"
)

// endEvents lets the Events of an ended namespace leave the now space with it.
// Events are no part of the fold's state, so no change of the record names
// them: their ends take the ordinals after its changes, in the order of their
// names, and stay readable as of any earlier moment.
func (s *Store) endEvents(rows *pebble.Batch, r *fold.Result) error {
	for i := range r.Changes {
		if c := &r.Changes[i]; c.Ref.Kind != events.Namespaces || !c.Deleted {
			continue
		}
		told, err := s.eventsOf(r.Changes[i].Ref.Name)
		if err != nil {
			return err
		}
		last := r.Changes[len(r.Changes)-1].Revision
		for n, ref := range told {
			at := last + events.Revision(n) + 1
			if at > last.Last() {
				return errors.New("BUG: a namespace had more Events than a record has ordinals")
			}
			end := fold.Change{Ref: ref, Revision: at, Written: at, Created: at, Deleted: true}
			if err := s.writeChange(rows, &end, &digest.Columns{}); err != nil {
				return err
			}
			s.ended[ref] = true
		}
	}
	return nil
}

// eventsOf names the live Events of a namespace, those of this batch too.
func (s *Store) eventsOf(namespace string) ([]events.Ref, error) {
	var told []events.Ref
	for ref := range s.recent {
		if ref.Namespace == namespace {
			told = append(told, ref)
		}
	}
	lower := namespaceKey(tagNow, events.Events, namespace)
	err := s.scanNow(s.db, lower, pastKey(lower), func(ref events.Ref, _ *head) bool {
		if _, again := s.recent[ref]; !again && !s.ended[ref] {
			told = append(told, ref)
		}
		return true
	})
	slices.SortFunc(told, events.Ref.Compare)
	return told, err
}
