package reconcile

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Reconciler keeps one kind of thing as it is desired, key by key.
//
// Invariant: no method changes the cache or reads a clock, randomness or the world.
type Reconciler interface {
	Describe() Description
	// Keys names what a change gives reason to look at.
	Keys(c *Cache, change Change) []events.Ref
	// Needs names what Reconcile wants from the view for a key beside the cache.
	Needs(c *Cache, key events.Ref) []Need
	Reconcile(in Input) Plan
}

// Core is a reconciler that keeps a state of its own from every change, because
// it looks at everything at once: the scheduler. It has a loop, a subscription
// and a queue of its own, so nobody waits for it.
//
// Invariant: it is a function of the calls made to it, one at a time.
type Core interface {
	Describe() Description
	// Reset forgets everything; what follows is as of a position whose R0 is given.
	Reset(r0 uint64)
	// Put takes an object as it is read from a view at the start.
	Put(o *view.Object)
	// Take takes a record's result, in ledger order.
	Take(r *fold.Result)
	// Plan says what to do now. What the plan before this one wrote has been taken,
	// or was never written. Its intents are records only.
	Plan(now time.Time) Plan
	// Waiting counts what waits: for a look now, and for a change or a time.
	Waiting() (ready, later int)
}

// Description is what a reconciler declares of itself.
type Description struct {
	Name  string   // also its identity: records name it as their actor
	Reads []string // kinds that the cache holds for it, whole
	// Watches are kinds of whose changes it must hear, and of which the cache holds
	// no more than owners and finalizers. "*": every kind that the engine follows.
	Watches []string
	Emits   []string // what it may do: "create pods", "pod.placed"
	// Observes asks for Input.Silence.
	Observes bool
}

// Need is something of the view that a plan depends on.
type Need struct {
	Ref  events.Ref // without a name: every object in the namespace, of all kinds followed
	Body bool       // decoded, too
}

// Input is all that a plan may depend on.
type Input struct {
	Now      time.Time // the engine's clock
	Cache    *Cache
	Key      events.Ref
	Triggers []Trigger // what happened since the key was last looked at, oldest first; empty after a start
	// Found holds the objects that Needs named and that are there; Bodies those
	// that it wanted decoded, with their status as stored. Of a namespace, Listed
	// are those that nobody has asked to delete yet, at most ListMost of each kind,
	// and Remaining counts all.
	Found     map[events.Ref]*Object
	Bodies    map[events.Ref]runtime.Object
	Listed    []*Object
	Remaining int
	// Silence says how long each node has not been heard of, as the observer
	// counts; of one it never heard, since when it observes. Nil: nobody observes here.
	Silence map[string]time.Duration
	// Heard names the nodes that were heard of at all since the observer began.
	Heard map[string]bool
	// LastError is why the last plan for this key failed, empty if it did not.
	LastError string
}

// ListMost is how many objects of a kind Input.Listed holds at most.
const ListMost = 500

// Object is the key's object, nil where it is gone.
func (in Input) Object() *Object { return in.Cache.Get(in.Key) }

// Trigger is a change that made the engine look at a key.
type Trigger struct {
	Offset  events.Offset
	Type    events.Type
	Ref     events.Ref
	Deleted bool
}

// Plan is what should be done, in order.
type Plan struct {
	Intents []Intent
	// Due is when to look again though nothing changes; zero: never.
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
	Reason  string          // for people; empty where the record's facts say it
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
