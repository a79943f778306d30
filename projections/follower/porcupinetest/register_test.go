package porcupinetest

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/anishathalye/porcupine"

	"cairn/events/ledger"
)

func op(called, returned int64, c Call, r Return) porcupine.Operation {
	c.Key = "k"
	return porcupine.Operation{Input: c, Call: called, Output: r, Return: returned}
}

// What the model takes and what it does not, call by call.
func TestTheModel(t *testing.T) {
	const open = math.MaxInt64
	create1, update2, compare3 := Call{Kind: Create, Value: 1}, Call{Kind: Update, Value: 2}, Call{Kind: Update, Value: 3, Expect: 1}
	remove, done, absent := Call{Kind: Delete}, Return{Answer: Done}, Return{Answer: Absent}
	saw := func(called, returned int64, v Value) porcupine.Operation {
		if v == 0 {
			return op(called, returned, Call{}, absent)
		}
		return op(called, returned, Call{}, Return{Answer: Done, Value: v})
	}
	wrote := func(v Value) Return { return Return{Answer: Done, Value: v} }
	for _, c := range []struct {
		name string
		want porcupine.CheckResult
		ops  []porcupine.Operation
	}{
		{"one after the other", porcupine.Ok, []porcupine.Operation{saw(1, 2, 0), op(3, 4, create1, wrote(1)), saw(5, 6, 1), op(7, 8, remove, done), saw(9, 10, 0)}},
		{"a stale read", porcupine.Illegal, []porcupine.Operation{op(1, 2, create1, wrote(1)), saw(3, 4, 0)}},
		{"a read beside a write sees either", porcupine.Ok, []porcupine.Operation{op(1, 6, create1, wrote(1)), saw(2, 3, 0), saw(4, 5, 1)}},
		{"and never goes back", porcupine.Illegal, []porcupine.Operation{op(1, 6, create1, wrote(1)), saw(2, 3, 1), saw(4, 5, 0)}},
		{"an open call that never took effect", porcupine.Ok, []porcupine.Operation{op(1, open, create1, Return{}), saw(2, 3, 0), op(4, 5, create1, wrote(1))}},
		{"an open call that took effect late", porcupine.Ok, []porcupine.Operation{op(1, open, create1, Return{}), saw(2, 3, 0), saw(4, 5, 1)}},
		{"an open call that took effect twice", porcupine.Illegal, []porcupine.Operation{op(1, open, create1, Return{}), saw(2, 3, 1), op(4, 5, remove, done), saw(6, 7, 1)}},
		{"a comparison that fails", porcupine.Ok, []porcupine.Operation{op(1, 2, create1, wrote(1)), op(3, 4, update2, wrote(2)), op(5, 6, compare3, Return{Answer: Moved})}},
		{"a comparison that fails without a reason", porcupine.Illegal, []porcupine.Operation{op(1, 2, create1, wrote(1)), op(3, 4, compare3, Return{Answer: Moved})}},
		{"a lost update", porcupine.Illegal, []porcupine.Operation{op(1, 2, create1, wrote(1)), op(3, 4, update2, wrote(2)), op(5, 6, compare3, wrote(3))}},
		{"created twice", porcupine.Illegal, []porcupine.Operation{op(1, 2, create1, wrote(1)), op(3, 4, Call{Kind: Create, Value: 2}, wrote(2))}},
		{"absent after a write", porcupine.Illegal, []porcupine.Operation{op(1, 2, create1, wrote(1)), op(3, 4, remove, absent)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := NewHistory()
			h.calls = c.ops
			if got := h.Result(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// scripted answers what it is told to, whatever is asked.
type scripted struct {
	Return
	err error
}

func (s *scripted) Do(context.Context, Call) (Return, error) { return s.Return, s.err }

func TestWhatAHistoryKeeps(t *testing.T) {
	h, s := NewHistory(), &scripted{}
	tell := func(kind Kind, r Return, err error) {
		s.Return, s.err = r, err
		h.Do(t.Context(), 0, s, Call{Kind: kind, Key: "k", Value: 9})
	}
	tell(Update, Return{}, errors.New("refused")) // leaves no trace
	tell(Create, Return{Answer: Done, Value: 9, Revision: 3}, ledger.ErrUnknown)
	tell(Glance, Return{Answer: Absent}, nil)
	if len(h.calls) != 1 || h.calls[0].Return != math.MaxInt64 || h.calls[0].Output != (Return{}) {
		t.Fatalf("%+v", h.calls)
	}
	tell(Glance, Return{Answer: Done, Value: 9, Revision: 3}, nil)
	tell(Glance, Return{Answer: Done, Value: 9, Revision: 3}, nil)
	if len(h.faults) != 0 || h.Counts()["glance done"] != 2 || h.Counts()["update nothing done"] != 1 || h.Counts()["create unknown"] != 1 {
		t.Fatal(h.faults, h.Counts())
	}
	tell(Glance, Return{Answer: Done, Value: 8, Revision: 2}, nil) // back in time
	tell(Read, Return{Answer: Done, Value: 9, Revision: 4}, nil)   // one value, two revisions
	if len(h.faults) != 2 {
		t.Fatal(h.faults)
	}
}
