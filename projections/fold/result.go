package fold

import "cairn/events"

// Input is one record as the ledger stored it, decoded outside the fold.
type Input struct {
	Offset events.Offset
	Time   int64         // ledger time as the driver stamped it, Unix nanoseconds
	Event  *events.Event // nil where Err says why it could not be read
	Err    error         // wraps events.ErrMalformed
	Bytes  int           // the record's size
}

// Code says why a record was refused. Codes are stored: append only.
type Code uint8

const (
	OK          Code = iota
	Malformed        // unreadable, or not defined by the active gate
	Fault            // the fold failed on it; a bug, recorded
	Expired          // offset - base > W
	Duplicate        // a record with this id was folded before; DuplicateOf has its outcome
	Exists           // an object of that name exists
	Moved            // the object's last written revision, or its uid, is another
	NotFound         // there is no such object
	Invalid          // a field is wrong; Field names it
	Terminating      // the namespace is ending
	Quota            // a quota would be exceeded
	NotEmpty         // the namespace still holds objects
	Unplaceable      // the pod is placed, deleting or done, or the node can't take it
	Fenced           // a report of another epoch, registration or uid
	Budget           // a disruption budget forbids it
	Unsupported      // a gate that a registered server does not know
)

var codeNames = [...]string{"ok", "malformed", "fault", "expired", "duplicate", "exists", "moved", "not found", "invalid",
	"terminating", "quota", "not empty", "unplaceable", "fenced", "budget", "unsupported"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "unknown"
}

// Outcome is the fold's answer to a record: a function of the ledger alone,
// and no prose: projections/message says it in words.
type Outcome struct {
	Code        Code
	Reason      Reason
	Args        []string      // Reason's, in the order that its comment gives
	Field       string        // with Invalid: the field's path
	DuplicateOf events.Offset // with Duplicate
}

// Accepted reports whether the record took effect.
func (o Outcome) Accepted() bool { return o.Code == OK }

// Change is one object changed by a record.
type Change struct {
	Ref      events.Ref
	UID      string
	Revision events.Revision
	Written  events.Revision // revision of the last change that a record asked for (not projected)
	Created  events.Revision
	Deleted  bool

	Facts     *events.Facts // after the change; nil for what is only projected
	Projected *Projected    // after the change; nil where the fold adds nothing
	Spec      *events.Part  // nil: as before
	Status    *events.Part  // nil: as before

	FactsChanged, ProjectedChanged bool
}

// Result is what one record did.
//
// Invariant: Changes are ordered by Ref, one per Ref, and their revisions'
// ordinals are 0, 1, 2...; a refused record has none, and no KubeEvents.
type Result struct {
	Offset     events.Offset
	Time       int64       // ledger time, made monotone
	Gate       events.Gate // active after it; 0 before record 0
	Event      *events.Event
	Outcome    Outcome
	Changes    []Change
	KubeEvents []KubeEvent // in order; no part of the fold's state
}

// Row is one row of the fold's stored state, see State.Rows; a nil Value removes it.
type Row struct{ Key, Value []byte }
