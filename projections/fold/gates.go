package fold

import (
	"strconv"

	"cairn/events"
)

// active reports whether what gate g defines holds for the record being applied.
func (s *State) active(g events.Gate) bool { return s.gate >= g }

// defined reports whether the active gate defines all that e says. Record 0
// names the gate that it is itself read by.
func (s *State) defined(e *events.Event) bool {
	needs, known := e.Needs()
	active := s.gate
	if s.cell == nil && e.Type == events.CellCreated && e.Facts.Cell != nil {
		active = e.Facts.Cell.Gate
	}
	return known && needs <= active
}

// activate makes a gate the active one from the next record on.
//
// Invariant: the active gate never falls, and when it rises, every server that
// is registered and has not left knows it: so none folds on by older rules.
func (s *State) activate(e *events.Event) Outcome {
	a := e.Facts.Activation
	if a == nil {
		return incomplete(e)
	}
	gate := strconv.FormatUint(uint64(a.Gate), 10)
	if a.Gate <= s.gate {
		return refuse(Unsupported, GateNotAbove, gate, strconv.FormatUint(uint64(s.gate), 10))
	}
	if len(s.servers) == 0 {
		return refuse(Unsupported, NoServer, gate)
	}
	for _, ref := range sorted(s.servers) {
		if up := s.at(ref).projected.Server.Supports; up < a.Gate {
			return refuse(Unsupported, GateUnknownTo, gate, ref.Name, strconv.FormatUint(uint64(up), 10))
		}
	}
	s.gate = a.Gate
	return Outcome{}
}

// serverEvent folds what a server says of itself, or another of it: that it
// runs and up to which gate it knows, and that it ended.
func (s *State) serverEvent(e *events.Event) Outcome {
	ref := e.Subject
	if ref.Kind != events.Servers || ref.Namespace != "" || ref.Name == "" {
		return incomplete(e)
	}
	old := s.at(ref)
	if e.Type == events.ServerLeft {
		if old == nil {
			return refuse(NotFound, NotRegistered, ref.Name)
		}
		s.step.written = ref
		s.remove(ref)
		return Outcome{}
	}
	said := e.Facts.Server
	if said == nil || said.Supports == 0 {
		return incomplete(e)
	}
	o := &object{ref: ref, uid: derivedUID(s.cell.Incarnation, ref.String())}
	if old != nil {
		*o = *old
	}
	o.projected = &Projected{Server: &ServerState{Supports: said.Supports, Version: said.Version, Registered: s.last}}
	s.step.written = ref
	s.put(o)
	return Outcome{}
}
