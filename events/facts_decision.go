package events

import (
	"slices"
	"strings"

	"cairn/events/wire"
)

// Decision is what a scheduler saw when it chose a node, or found none. It
// holds codes and counts; sentences are made when somebody reads.
type Decision struct {
	Nodes    uint64     // that it looked at
	Feasible uint64     // that fitted, of those it looked at
	Filtered []Filtered // why the others did not, by reason and argument
	Scores   []Score    // of the best three at most, best first
}

// Filtered counts the nodes that one filter left out.
type Filtered struct {
	Reason uint64   // projections/fit.Reason
	Arg    string   // the taint, the node asked for; empty where the reason says all
	Nodes  uint64   // how many
	Names  []string // three of them at most
}

// Score is what one node was worth; only the order has a meaning.
type Score struct {
	Node  string
	Value uint64
}

// SameClass reports whether two decisions came to the same for the same
// reasons, whatever the counts and names: telling it again tells nothing.
func SameClass(a, b *Decision) bool {
	if a == nil || b == nil {
		return a == b
	}
	if (a.Feasible == 0) != (b.Feasible == 0) || (a.Nodes == 0) != (b.Nodes == 0) {
		return false
	}
	x, y := classOf(a), classOf(b)
	return slices.EqualFunc(x, y, func(a, b Filtered) bool { return a.Reason == b.Reason && a.Arg == b.Arg })
}

func classOf(d *Decision) []Filtered {
	list := slices.Clone(d.Filtered)
	slices.SortFunc(list, CompareFiltered)
	return list
}

// CompareFiltered orders by reason, then argument.
func CompareFiltered(a, b Filtered) int {
	if a.Reason != b.Reason {
		if a.Reason < b.Reason {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Arg, b.Arg)
}

func (d *Decision) Fields(w *wire.Codec) {
	w.Uint(1, &d.Nodes)
	w.Uint(2, &d.Feasible)
	wire.Repeated(w, 3, &d.Filtered)
	wire.Repeated(w, 4, &d.Scores)
}

func (f *Filtered) Fields(w *wire.Codec) {
	w.Uint(1, &f.Reason)
	w.Str(2, &f.Arg)
	w.Uint(3, &f.Nodes)
	w.Strs(4, &f.Names)
}

func (s *Score) Fields(w *wire.Codec) {
	w.Str(1, &s.Node)
	w.Uint(2, &s.Value)
}
