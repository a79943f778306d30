package view

import (
	"errors"

	"cairn/events"
	"cairn/projections/fold"
)

// The fold's value types, under the name by which readers know them.
type (
	Change    = fold.Change
	Outcome   = fold.Outcome
	Projected = fold.Projected
	Result    = fold.Result
)

// Object is one object as of a revision. It is shared: never change one.
type Object struct {
	Ref       events.Ref
	UID       string
	Revision  events.Revision // of its last change up to the moment read
	Written   events.Revision // of the last change that a record asked for
	Created   events.Revision
	Facts     *events.Facts // nil for what is rendered whole
	Projected *Projected    // nil where the fold adds nothing
	Event     *Event        // of kind events, and there alone
	Spec      *events.Part  // metadata and spec; nil for what is rendered whole
	Status    *events.Part  // nil: none written yet
}

// Page asks for part of a list.
type Page struct {
	Namespace string          // empty: all
	After     events.Ref      // exclusive; zero: from the start
	Limit     int             // 0: all
	At        events.Revision // 0: now
	Bare      bool            // facts and projected fields may be left out
}

// Delta is one change of one object, for watches and diffs.
type Delta struct {
	Ref      events.Ref
	Revision events.Revision
	Deleted  bool
	Object   *Object // after the change; for a deletion the object as it was, with the deletion's revision
	Previous *Object // before the change; nil: it was created
}

// Record is what a view keeps of each record beside the ledger's own bytes.
type Record struct {
	Offset  events.Offset
	Time    int64 // monotone ledger time, ns
	Type    events.Type
	Subject events.Ref
	Actor   string // Actor.Who()
	Bytes   int
	Outcome Outcome
	Changed []events.Ref    // what it changed, in order
	Cause   []events.Offset // the records that made it be written; 256 at most
}

// Position tells how far a view has come.
type Position struct {
	Offset  events.Offset // last folded; NoOffset: none
	Time    int64         // its ledger time, ns
	R0      uint64        // of record 0
	Chain   [32]byte      // hash over outcomes and changes in order
	State   [32]byte      // order-free set hash over live objects
	Objects int           // live objects
	Cell    *events.Cell  // what record 0 says; nil before it
	Gate    events.Gate   // active; 0 before record 0
}

// Revision is the position as a list's revision.
func (p Position) Revision() events.Revision {
	return events.RevisionOf(p.R0, p.Offset, events.MaxOrdinal)
}

var (
	// ErrNotFound: no such object, record or moment.
	ErrNotFound = errors.New("view: not found")
	// ErrStopped: the follower stopped; its error says why.
	ErrStopped = errors.New("view: stopped following the ledger")
)
