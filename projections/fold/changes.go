package fold

import (
	"slices"

	"cairn/events"
)

// changes compares the touched objects with what they were, in Ref's order.
func (s *State) changes() []Change {
	list := make([]Change, 0, len(s.step.before))
	for ref, old := range s.step.before {
		if c, ok := s.compare(ref, old, s.at(ref)); ok {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Change) int { return a.Ref.Compare(b.Ref) })
	for i := range list {
		c := &list[i]
		c.Revision = events.RevisionOf(s.cell.R0, s.last, i)
		if c.Created == 0 {
			c.Created = c.Revision
		}
		if c.Ref == s.step.written || c.Written == 0 {
			c.Written = c.Revision
		}
		if o := s.at(c.Ref); o != nil {
			o2 := *o
			o2.revision, o2.written, o2.created = c.Revision, c.Written, c.Created
			s.objects[c.Ref] = o2.pack()
		}
	}
	return list
}

func (s *State) compare(ref events.Ref, old, now *object) (Change, bool) {
	if now == nil {
		if old == nil {
			return Change{}, false
		}
		return Change{Ref: ref, UID: old.uid, Written: old.written, Created: old.created, Deleted: true,
			Facts: old.facts, Projected: old.projected}, true
	}
	var parts [2]*events.Part
	if ref == s.step.written {
		parts = s.step.parts
	}
	c := Change{Ref: ref, UID: now.uid, Written: now.written, Created: now.created,
		Facts: now.facts, Projected: now.projected, Spec: parts[0], Status: parts[1]}
	if old == nil || old.uid != now.uid {
		c.Written, c.Created = 0, 0
		c.FactsChanged, c.ProjectedChanged = now.facts != nil, now.projected != nil
		return c, true
	}
	c.FactsChanged = old.facts != now.facts && !sameFacts(old.facts, now.facts)
	c.ProjectedChanged = old.projected != now.projected && !sameProjected(old.projected, now.projected)
	return c, ref == s.step.written || c.FactsChanged || c.ProjectedChanged
}
