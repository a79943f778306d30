package fold

import (
	"net/netip"

	"cairn/events"
)

// Faulted lists the ids of records on which some released binary panicked.
// They fold to `refused: fault` in every binary from then on.
var Faulted = map[events.ID]bool{}

// object is what the fold knows of one live object.
//
// Invariant: an object is replaced, never changed in place: results share it.
type object struct {
	ref       events.Ref
	uid       string
	revision  events.Revision
	written   events.Revision
	created   events.Revision
	facts     *events.Facts // nil: rendered whole by the fold
	projected *Projected
	packed    string // facts, encoded; see pack
}

// objectRow is an object as it is stored.
type objectRow object

func (o *object) pod() *PodState {
	if o.projected == nil || o.projected.Pod == nil {
		return &PodState{}
	}
	return o.projected.Pod
}

func (o *object) node() *NodeState {
	if o.projected == nil || o.projected.Node == nil {
		return &NodeState{}
	}
	return o.projected.Node
}

// globals is what belongs to no object, and changes with every record.
type globals struct {
	last          events.Offset
	time          int64 // monotone ledger time of the last record, ns
	gate          events.Gate
	lastServiceIP string // addresses and ports are handed out in turn, so that one is reused last
	lastNodePort  uint64
	lastNodeRange string
}

// claim holds a pod address until its sandbox is gone, though the pod may be.
type claim struct {
	pod   events.Ref
	uid   string
	epoch uint64
	node  string
}

// share is a node's part of the pod range.
type share struct {
	rangeText string
	last      string // the address handed out last
}

// State is the fold's working state: facts of live objects and what follows
// from them. One goroutine owns it.
type State struct {
	globals
	cell           *events.Cell // nil before record 0
	pods, services netip.Prefix // of cell

	objects map[events.Ref]*object
	seen    seenIDs
	claims  map[netip.Addr]claim
	shares  map[string]share // by node
	unsaved unsaved
	index

	step *step // the record being applied
}

// New gives the state before any record.
func New() *State {
	return &State{
		globals: globals{last: events.NoOffset},
		objects: map[events.Ref]*object{},
		seen:    seenIDs{at: map[events.ID]events.Offset{}},
		claims:  map[netip.Addr]claim{},
		shares:  map[string]share{},
		unsaved: unsaved{claims: map[netip.Addr]struct{}{}, shares: map[string]struct{}{}},
		index:   newIndex(),
	}
}

// Gate is the active gate; 0 before record 0.
func (s *State) Gate() events.Gate { return s.gate }

// Cell is what record 0 says; nil before it.
func (s *State) Cell() *events.Cell { return s.cell }

// Last is the offset of the last record applied; NoOffset at first.
func (s *State) Last() events.Offset { return s.last }

// Objects counts live objects, rendered ones included.
func (s *State) Objects() int { return len(s.objects) }

func (s *State) setCell(c *events.Cell) bool {
	pods, err := netip.ParsePrefix(c.PodRange)
	services, err2 := netip.ParsePrefix(c.ServiceRange)
	if err != nil || err2 != nil || !pods.Addr().Is4() || !services.Addr().Is4() {
		return false
	}
	s.cell, s.pods, s.services = c, pods.Masked(), services.Masked()
	return true
}
