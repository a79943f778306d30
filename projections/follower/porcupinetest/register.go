package porcupinetest

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// Value is what a register holds; 0: it is absent.
type Value uint64

// Kind is what a call does.
type Kind uint8

const (
	Read   Kind = iota
	Glance      // a read that may be stale
	Create      // where the register is absent
	Update      // where it is there
	Delete      // where it is there
)

func (k Kind) String() string { return [...]string{"read", "glance", "create", "update", "delete"}[k] }

// Call is what a client asks for.
type Call struct {
	Kind     Kind
	Key      string
	Value    Value  // no other call has it; Create and Update write it
	Expect   Value  // Update and Delete compare: the value that must be there; 0: any
	Revision uint64 // that the client saw Expect at
}

// Answer is what became of a call.
type Answer uint8

const (
	Unknown Answer = iota // it may have taken effect, or may yet
	Done
	Absent
	Exists
	Moved // another value is there than the one expected
)

func (a Answer) String() string {
	return [...]string{"unknown", "done", "absent", "exists", "moved"}[a]
}

// Return is what a client is told.
type Return struct {
	Answer   Answer
	Value    Value  // that the register holds now; with Done
	Revision uint64 // of Value; 0 where there is none
}

// apply is the register: what it answers in a state, and the state then.
func (c Call) apply(was Value) (Answer, Value) {
	switch {
	case c.Kind == Create && was != 0:
		return Exists, was
	case c.Kind == Create:
		return Done, c.Value
	case was == 0:
		return Absent, 0
	case c.Kind == Read:
		return Done, was
	case c.Expect != 0 && c.Expect != was:
		return Moved, was
	case c.Kind == Delete:
		return Done, 0
	}
	return Done, c.Value
}

// model is one register, for porcupine; histories are cut by register first.
//
// A call that stays open is applied where its order comes. One that never took
// effect comes after all others, where nobody sees it: so the model needs no
// choice between happened and lost.
var model = porcupine.Model{
	Init: func() any { return Value(0) },
	Step: func(state, input, output any) (bool, any) {
		c, r := input.(Call), output.(Return)
		answer, now := c.apply(state.(Value))
		return r.Answer == Unknown || r.Answer == answer && (answer != Done || r.Value == now), now
	},
	Hash:              func(state any) uint64 { return uint64(state.(Value)) },
	DescribeOperation: func(input, output any) string { return say(input.(Call), output.(Return)) },
	Partition:         byKey,
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	at := map[string]int{}
	var parts [][]porcupine.Operation
	for _, op := range history {
		key := op.Input.(Call).Key
		i, ok := at[key]
		if !ok {
			i = len(parts)
			at[key], parts = i, append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

func say(c Call, r Return) string {
	s := c.Kind.String() + " " + c.Key
	if c.Kind == Create || c.Kind == Update {
		s += fmt.Sprintf("=%d", c.Value)
	}
	if c.Expect != 0 {
		s += fmt.Sprintf(" if %d", c.Expect)
	}
	s += ": " + r.Answer.String()
	if c.Kind == Read && r.Answer == Done {
		s += fmt.Sprintf(", %d", r.Value)
	}
	return s
}
