package events

import (
	"encoding/hex"
	"fmt"

	"cairn/events/wire"
)

// ID is a UUIDv7 (RFC 9562), chosen by the writer: a record resent has the
// same id, and the fold applies it once.
type ID [16]byte

func (id ID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Event is what one record says: the envelope around facts and parts.
type Event struct {
	ID      ID
	Type    Type
	Subject Ref
	UID     string // the subject's, where the writer knows it
	Base    Offset // the last offset its writer had folded
	Actor   Actor
	Cause   []Offset // the records that made the writer write this one
	Reason  string   // for people: why
	Claimed int64    // the writer's clock, Unix nanoseconds
	Require Precondition
	Facts   Facts
	Parts   []Part // at most one per column, ascending

	needs Gate // of the fields that were there when it was read
}

// Needs is the gate that must be active for e to mean anything: that of its
// type and, where e was read from a frame, of every field it came with.
// ok is false where this binary knows no such type.
func (e *Event) Needs() (g Gate, ok bool) {
	g = e.Type.Gate()
	return max(g, e.needs), g != 0
}

// Actor is who did it. Exactly one of ServiceAccount, Node and Reconciler says
// what kind of engine it was; a person has none of them.
type Actor struct {
	User           string // as authenticated: alice, system:node:n1
	Groups         []string
	ServiceAccount string // namespace/name
	Node           string
	Reconciler     string
	Address        string // the client's IP address
	Agent          string // the client's User-Agent
}

// Precondition is what must hold at the record's place in the ledger.
type Precondition struct {
	Written Revision // the subject's last written revision; 0: not asked
	UID     string   // the subject's uid; empty: not asked
}

// Column says which part of an object a Part is. Columns have their own
// versions in a view.
type Column uint64

const (
	Spec   Column = 1 // metadata and spec (and all else that is not status)
	Status Column = 2
)

// Part is an opaque body of an object. The fold never looks inside.
type Part struct {
	Column     Column
	Encoding   string // media type of Data once decrypted, e.g. application/vnd.kubernetes.protobuf
	APIVersion string // stored version, GA only: v1, apps/v1
	Key        string // id of the key that Data is encrypted with; empty: plain
	Data       []byte
}

// Part returns the part of column c, or nil.
func (e *Event) Part(c Column) *Part {
	for i := range e.Parts {
		if e.Parts[i].Column == c {
			return &e.Parts[i]
		}
	}
	return nil
}

func (e *Event) Fields(w *wire.Codec) {
	var id []byte
	var base uint64
	if !w.Reading() {
		id, base = e.ID[:], uint64(e.Base+1)
	}
	w.Bytes(1, &id)
	if len(id) != len(e.ID) {
		w.Fail("id has %d bytes", len(id))
	}
	w.Str(2, (*string)(&e.Type))
	wire.Inline(w, 3, &e.Subject)
	w.Str(4, &e.UID)
	w.Uint(5, &base)
	if w.Reading() { // what is only written may be shared
		copy(e.ID[:], id)
		e.Base = Offset(base) - 1
	}
	wire.Inline(w, 6, &e.Actor)
	wire.Integers(w, 7, &e.Cause)
	w.Str(8, &e.Reason)
	w.Int(9, &e.Claimed)
	wire.Inline(w, 10, &e.Require)
	wire.Inline(w, 11, &e.Facts)
	wire.Repeated(w, 12, &e.Parts)
	for i := 1; i < len(e.Parts); i++ {
		if e.Parts[i].Column <= e.Parts[i-1].Column {
			w.Fail("parts are not in ascending order")
		}
	}
}

func (a *Actor) Fields(w *wire.Codec) {
	w.Str(1, &a.User)
	w.Strs(2, &a.Groups)
	w.Str(3, &a.ServiceAccount)
	w.Str(4, &a.Node)
	w.Str(5, &a.Reconciler)
	w.Str(6, &a.Address)
	w.Str(7, &a.Agent)
}

func (p *Precondition) Fields(w *wire.Codec) {
	w.Uint(1, (*uint64)(&p.Written))
	w.Str(2, &p.UID)
}

func (p *Part) Fields(w *wire.Codec) {
	w.Uint(1, (*uint64)(&p.Column))
	w.Str(2, &p.Encoding)
	w.Str(3, &p.APIVersion)
	w.Str(4, &p.Key)
	w.Bytes(5, &p.Data)
	if w.Reading() && p.Column != Spec && p.Column != Status {
		w.Fail("column %d", p.Column)
	}
}

// Who names the actor as people know it: alice, the replicas reconciler, node n1.
func (a Actor) Who() string {
	switch {
	case a.Reconciler != "":
		return "reconciler " + a.Reconciler
	case a.Node != "":
		return "node " + a.Node
	case a.ServiceAccount != "":
		return "service account " + a.ServiceAccount
	case a.User == "":
		return "cairn"
	case a.Address != "":
		return fmt.Sprintf("%s from %s", a.User, a.Address)
	}
	return a.User
}
