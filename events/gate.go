package events

import "fmt"

// Gate is a rung of the ladder of fold versions, as Pebble's format major
// versions are: every fact field, event type, rule and outcome reason belongs
// to one, and is defined from the record on that makes it the active one
// (fold.activated), or from record 0 of a cell created at it or above.
//
// Invariant: gates are only ever added, at the end. What a gate defines is
// never edited once a release has it; golden ledgers in projections/fold hold
// each of them to its first day's digests.
//
// How to add one: a constant here with its name below, its fields behind
// w.Since(uint64(G)), its types in catalogue.go, its rules in the fold behind
// s.active(G). Nothing writes it before it is active.
type Gate uint64

const (
	GateFirst       Gate = 1 // all that a cell of the first release knows
	GateSessionEnds Gate = 2 // session.closed: when an exec, attach or port-forward ended
)

// Newest is the highest gate that this binary knows.
const Newest = GateSessionEnds

var gateNames = [...]string{GateFirst: "first", GateSessionEnds: "session-ends"}

func (g Gate) String() string {
	if g >= GateFirst && int(g) < len(gateNames) {
		return gateNames[g]
	}
	return fmt.Sprintf("gate %d", uint64(g))
}

// ParseGate reads a gate's name.
func ParseGate(name string) (Gate, error) {
	for g := GateFirst; g <= Newest; g++ {
		if g.String() == name {
			return g, nil
		}
	}
	return 0, fmt.Errorf("no gate is called %q: this binary knows %v", name, gateNames[GateFirst:])
}
