package fold

import (
	"cmp"
	"slices"

	"cairn/events"
)

// seenIDs are the ids of the last W records.
//
// Invariant: order[first:] has those of at, by offset.
type seenIDs struct {
	at    map[events.ID]events.Offset
	order []seenID
	first int
}

type seenID struct {
	id     events.ID
	offset events.Offset
}

func (s *seenIDs) add(o events.Offset, id events.ID) {
	s.at[id] = o
	s.order = append(s.order, seenID{id, o})
}

// forget lets go of those up to an offset.
func (s *seenIDs) forget(o events.Offset) {
	for ; s.first < len(s.order) && s.order[s.first].offset <= o; s.first++ {
		delete(s.at, s.order[s.first].id)
	}
	if s.first > len(s.order)/2 { // half the slice is free: each is moved once
		s.order = s.order[:copy(s.order, s.order[s.first:])]
		s.first = 0
	}
}

// sort puts those that were loaded into order.
func (s *seenIDs) sort() {
	slices.SortFunc(s.order, func(a, b seenID) int { return cmp.Compare(a.offset, b.offset) })
}
