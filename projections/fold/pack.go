package fold

import (
	"cairn/events"
	"cairn/events/wire"
)

// pack lets go of facts that are seldom looked at: most objects are config
// maps, secrets and the like, of which the fold reads owners, finalizers and
// deletion alone, and only when they themselves are written. Encoded they take
// a fifth of the memory. Who needs them finds them with State.at.
//
// Invariant: facts and packed are never both set; what is packed has no
// projected fields, what is rendered whole has some and neither of the two.
func (o *object) pack() *object {
	f := o.facts
	if f == nil || o.projected != nil || f.Pod != nil || f.Service != nil || f.Workload != nil || f.Deployment != nil || f.Node != nil || f.Endpoints != nil {
		return o
	}
	if o.ref.Kind == events.Namespaces { // each record in one looks at it
		return o
	}
	o.packed, o.facts = string(wire.Encode(f)), nil
	return o
}

// at gives a live object with its facts; nil: there is none.
func (s *State) at(ref events.Ref) *object {
	o := s.objects[ref]
	if o == nil || o.facts != nil || o.projected != nil {
		return o
	}
	whole := *o
	whole.packed, whole.facts = "", new(events.Facts)
	if err := wire.Decode([]byte(o.packed), whole.facts); err != nil {
		panic("fold: facts of " + o.ref.String() + " that it encoded itself: " + err.Error())
	}
	return &whole
}
