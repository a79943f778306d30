package fold

import (
	"slices"
	"strconv"

	"cairn/events"
)

// step is what one record has done so far.
type step struct {
	in      Input
	event   *events.Event
	before  map[events.Ref]*object // of all touched objects; nil: there was none
	parts   map[events.Ref][2]*events.Part
	written events.Ref // the object that the record asked to change
	rows    []Row
	told    []EventState
	stale   []events.Ref // services and workloads to project anew
}

// Apply folds one record. Records come in order, each offset once.
//
// Invariant: a refused record changes no object; Apply of the same records
// gives the same results, whatever else happened in the process.
func (s *State) Apply(in Input) Result {
	if in.Offset != s.last+1 {
		panic("fold: record " + strconv.FormatInt(int64(in.Offset), 10) + " after " + strconv.FormatInt(int64(s.last), 10))
	}
	s.last = in.Offset
	s.time = max(s.time, in.Time)
	s.step = &step{in: in, event: in.Event, before: map[events.Ref]*object{}, parts: map[events.Ref][2]*events.Part{}}
	r := Result{Offset: in.Offset, Time: s.time, Event: in.Event}
	r.Outcome = s.decide()
	if r.Outcome.Accepted() && s.cell != nil {
		s.project()
		r.Changes = s.changes()
	}
	s.remember(r.Outcome)
	s.saveGlobals()
	r.Rows = s.step.rows
	s.step = nil
	return r
}

// decide checks what holds for every record, then what its type asks for.
func (s *State) decide() Outcome {
	in, e := s.step.in, s.step.event
	if in.Err != nil || e == nil {
		reason := "unreadable"
		if in.Err != nil {
			reason = in.Err.Error()
		}
		return Outcome{Code: Malformed, Reason: reason}
	}
	if Faulted[e.ID] {
		return refuse(Fault, "this record once stopped the fold")
	}
	if e.Base >= in.Offset {
		return refuse(Malformed, "base lies ahead of the record")
	}
	if s.cell != nil && uint64(in.Offset-e.Base) > s.cell.Window {
		return refuse(Expired, "the record arrived more than "+strconv.FormatUint(s.cell.Window, 10)+" records after what its writer had seen; write it anew")
	}
	if first, ok := s.seen[e.ID]; ok {
		return Outcome{Code: Duplicate, Reason: "first delivered as record " + strconv.FormatInt(int64(first), 10), DuplicateOf: first}
	}
	if s.cell == nil && e.Type != events.CellCreated {
		return refuse(Malformed, "a ledger starts with cell.created")
	}
	return s.dispatch(e)
}

func (s *State) dispatch(e *events.Event) Outcome {
	switch e.Type {
	case events.CellCreated:
		return s.createCell(e)
	case events.FoldActivated:
		return refuse(Unsupported, "no fold version but "+strconv.Itoa(Version)+" is defined")
	case events.ObjectCreated:
		return s.create(e)
	case events.ObjectUpdated, events.StatusUpdated, events.DeletionRequested, events.PodEvicted:
		return s.update(e)
	case events.ObjectDeleted:
		return s.delete(e)
	case events.PodPlaced:
		return s.place(e)
	case events.PodUnschedulable:
		return s.unschedulable(e)
	case events.RequestRefused, events.PastRead, events.SessionOpened:
		return Outcome{}
	}
	if e.Type.IsReport() {
		return s.report(e)
	}
	if e.Type.IsNode() {
		return s.nodeEvent(e)
	}
	return refuse(Malformed, "type "+strconv.Quote(string(e.Type))+" is not defined by fold version "+strconv.Itoa(Version))
}

func refuse(c Code, reason string) Outcome { return Outcome{Code: c, Reason: reason} }

func invalid(field, reason string) Outcome {
	return Outcome{Code: Invalid, Field: field, Reason: reason}
}

func (s *State) createCell(e *events.Event) Outcome {
	c := e.Facts.Cell
	switch {
	case s.cell != nil:
		return refuse(Exists, "the cell "+s.cell.Name+" exists")
	case c == nil || c.FoldVersion != Version || c.Window == 0 || c.Name == "" || c.NodePortHigh < c.NodePortLow || c.NodeMask > 30:
		return refuse(Malformed, "record 0 does not describe a cell")
	case !s.setCell(c):
		return refuse(Malformed, "record 0 has no IPv4 ranges")
	}
	s.version = Version
	return Outcome{}
}

// remember keeps the record's id for W offsets, so that a retry folds to its
// first outcome; what could not be read or came too late has none.
func (s *State) remember(o Outcome) {
	if s.cell == nil {
		return
	}
	if o.Code != Malformed && o.Code != Expired && o.Code != Duplicate {
		id := s.step.event.ID
		s.seen[id], s.ids[s.last] = s.last, id
		s.row(seenKey(s.last), id[:])
	}
	old := s.last - events.Offset(s.cell.Window)
	if id, ok := s.ids[old]; ok {
		delete(s.seen, id)
		delete(s.ids, old)
		s.row(seenKey(old), nil)
	}
}

// changes compares the touched objects with what they were, in Ref's order.
func (s *State) changes() []Change {
	list := make([]Change, 0, len(s.step.before)+len(s.step.told))
	for ref, old := range s.step.before {
		if c, ok := s.compare(ref, old, s.objects[ref]); ok {
			list = append(list, c)
		}
	}
	list = append(list, s.tell()...)
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
		if c.Ref.Kind == events.Events {
			continue
		}
		if o := s.objects[c.Ref]; o != nil {
			o2 := *o
			o2.revision, o2.written, o2.created = c.Revision, c.Written, c.Created
			s.objects[c.Ref] = &o2
			s.saveObject(&o2)
		} else {
			s.row(objectKey(c.Ref), nil)
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
	parts := s.step.parts[ref]
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
