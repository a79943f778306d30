package step

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
)

// Reconciler keeps one kind of thing as it is wanted.
//
// Invariant: no method changes the picture or reads a clock, dice or the world.
type Reconciler interface {
	About() Card
	// Keys names what a change gives reason to look at.
	Keys(p *Picture, c Change) []events.Ref
	// Needs names the objects whose bodies Step wants for a key.
	Needs(p *Picture, key events.Ref) []events.Ref
	Step(in Input) Plan
}

// Card is what a reconciler declares of itself.
type Card struct {
	Name  string   // also its identity: records name it as their actor
	Reads []string // kinds
	Emits []string // what it may do: "create pods", "pod.placed"
	// Observes asks for Input.Silence.
	Observes bool
}

// Input is all that a step may depend on.
type Input struct {
	Now      time.Time // the engine's clock
	Picture  *Picture
	Key      events.Ref
	Triggers []Trigger // what happened since the key was last looked at, oldest first; empty after a start
	// Bodies holds the objects that Needs named, as of the picture, with their
	// status as stored; one is missing where it could not be read.
	Bodies map[events.Ref]runtime.Object
	// Silence says how long each node has not been heard of, as the observer
	// counts; of one it never heard, since when it observes. Nil: nobody observes here.
	Silence map[string]time.Duration
	// Heard names the nodes that were heard of at all since the observer began.
	Heard map[string]bool
	// Trouble is why the last plan for this key failed, empty if it did not.
	Trouble string
}

// Object is the key's object, nil where it is gone.
func (in Input) Object() *Object { return in.Picture.Get(in.Key) }

// Trigger is a change that made the engine look at a key.
type Trigger struct {
	Offset  events.Offset
	Type    events.Type
	Ref     events.Ref
	Deleted bool
}

// Plan is what a step wants to be done, in order.
type Plan struct {
	Intents []Intent
	// Due is when the step wants to look again though nothing changes; zero: never.
	Due time.Time
}

// DueBy brings the plan's due time forward to t, if that is earlier; a zero t changes nothing.
func (p *Plan) DueBy(t time.Time) {
	if !t.IsZero() && (p.Due.IsZero() || t.Before(p.Due)) {
		p.Due = t
	}
}

// Add appends an intent.
func (p *Plan) Add(i Intent) { p.Intents = append(p.Intents, i) }

// Intent is one thing to do; exactly one of Request and Record is set.
type Intent struct {
	Cause   []events.Offset // the records that made it necessary
	Reason  string          // for people
	Request *Request
	Record  *Record
}

// Request goes through the API server, so that defaulting, admission and RBAC hold.
type Request struct {
	Method      string     // HTTP: POST, PUT, PATCH, DELETE
	Ref         events.Ref // Name is empty where the server makes one up
	Subresource string     // status, finalize; empty: the object itself
	ContentType string
	Body        []byte
}

// Record is appended as it is: placements and health, which no API object holds.
type Record struct {
	Type    events.Type
	Subject events.Ref
	UID     string
	Facts   events.Facts
}
