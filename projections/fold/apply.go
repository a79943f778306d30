package fold

import (
	"strconv"

	"cairn/events"
)

// step is what one record has done so far.
type step struct {
	in      Input
	event   *events.Event
	before  map[events.Ref]*object // of all touched objects; nil: there was none
	written events.Ref             // the object that the record asked to change
	parts   [2]*events.Part        // of that object: metadata and spec, status
	kube    []KubeEvent
	stale   stale
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
	s.step = &step{in: in, event: in.Event, before: map[events.Ref]*object{}}
	r := Result{Offset: in.Offset, Time: s.time, Event: in.Event}
	r.Outcome = s.decide()
	if r.Outcome.Accepted() && s.cell != nil {
		s.project()
		r.Changes, r.KubeEvents = s.changes(), s.step.kube
	}
	s.remember(&r)
	r.Gate = s.gate
	s.step = nil
	return r
}

// decide checks what holds for every record, then what its type asks for.
func (s *State) decide() Outcome {
	in, e := s.step.in, s.step.event
	switch {
	case in.Err != nil || e == nil:
		return refuse(Malformed, Unreadable)
	case s.cell == nil && e.Type != events.CellCreated:
		return refuse(Malformed, NoCell)
	case !s.defined(e):
		return refuse(Malformed, Unreadable)
	case Faulted[e.ID]:
		return refuse(Fault, OnceFaulted)
	case e.Base >= in.Offset:
		return refuse(Malformed, BaseAhead)
	case s.cell != nil && uint64(in.Offset-e.Base) > s.cell.Window:
		return refuse(Expired, TooLate, strconv.FormatUint(s.cell.Window, 10))
	}
	if first, ok := s.seen.at[e.ID]; ok {
		return Outcome{Code: Duplicate, DuplicateOf: first}
	}
	return s.dispatch(e)
}

func (s *State) dispatch(e *events.Event) Outcome {
	switch e.Type {
	case events.CellCreated:
		return s.createCell(e)
	case events.FoldActivated:
		return s.activate(e)
	case events.ServerRegistered, events.ServerLeft:
		return s.serverEvent(e)
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
	case events.RequestRefused, events.PastRead, events.SessionOpened, events.SessionClosed:
		return Outcome{}
	}
	if e.Type.IsReport() {
		return s.report(e)
	}
	return s.nodeEvent(e)
}

func refuse(c Code, r Reason, args ...string) Outcome { return Outcome{Code: c, Reason: r, Args: args} }

func invalid(field string, r Reason, args ...string) Outcome {
	return Outcome{Code: Invalid, Field: field, Reason: r, Args: args}
}

// incomplete refuses a record that lacks what its type asks for.
func incomplete(e *events.Event) Outcome { return refuse(Malformed, Incomplete, string(e.Type)) }

func (s *State) createCell(e *events.Event) Outcome {
	c := e.Facts.Cell
	switch {
	case s.cell != nil:
		return refuse(Exists, CellExists, s.cell.Name)
	case c == nil || c.Gate == 0 || c.Window == 0 || c.Name == "" || c.NodePortHigh < c.NodePortLow || c.NodeMask > 30:
		return refuse(Malformed, BadCell)
	case !s.setCell(c):
		return refuse(Malformed, BadCell)
	}
	s.gate = c.Gate
	s.unsaved.cell = true
	return Outcome{}
}

// remember keeps the record's id for W offsets, so that a retry folds to its
// first outcome; what could not be read or came too late has none.
func (s *State) remember(r *Result) {
	if s.cell == nil {
		return
	}
	if Remembers(r) {
		s.seen.add(s.last, r.Event.ID)
	}
	s.seen.forget(s.last - events.Offset(s.cell.Window))
}
