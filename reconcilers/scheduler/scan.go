package scheduler

import (
	"slices"

	"cairn/events"
	"cairn/projections/fit"
)

// filteredMost bounds the lines of a decision: beyond it, arguments are left out.
const filteredMost = 16

// What a scan knows of a node; from refusedMark on, which refusal.
const (
	unseen uint16 = iota
	repeated
	feasible
	refusedMark
)

// scan is how far a shape has come in looking for nodes.
//
// Invariant: a node marked as refused refuses the shape, unless it was raised
// since, when it stands in repeat. One marked as feasible stands in feasible,
// and is looked at again before it is picked if it changed.
type scan struct {
	used     uint64 // state.ticks when it was last used
	order    []*node
	from     int // where in order it began
	next     int // how many of order it has come past
	marks    []uint16
	repeat   []*node // to be looked at again, after those never looked at
	feasible []candidate
	refusals []refusals
	filtered []events.Filtered // of refusals; nil: to be made anew
}

// refusals counts the nodes that refuse for one reason.
type refusals struct {
	fit.Refusal
	nodes uint64
	few   []*node // some of them, for people
}

// candidate is a node that fits.
type candidate struct {
	node    *node
	changes uint64 // node.changes when it was looked at
	left    uint64 // per cent of CPU and of memory that would be left
	tie     uint64
	peers   int // pods of the same group there; of the pick under way
}

func (s *state) newScan(sh *shape) *scan {
	sc := &scan{order: s.ordered()}
	if name := sh.facts.NodeName; name != "" {
		sc.order = nil
		if n := s.nodes[name]; n != nil {
			sc.order = []*node{n}
		}
	}
	if len(sc.order) > Sample {
		sc.from = int(hash(sh.name, "") % uint64(len(sc.order)))
	}
	return sc
}

// top looks at further nodes until the sample is full or none is left.
func (sc *scan) top(sh *shape) {
	for len(sc.feasible) < Sample {
		n := sc.following()
		if n == nil {
			return
		}
		if r := fit.Check(sh.facts, &n.Node); !r.OK() {
			sc.refuse(n, r)
			continue
		}
		*sc.mark(n) = feasible
		sc.feasible = append(sc.feasible, candidate{node: n, changes: n.changes, left: left(sh.facts, n), tie: hash(sh.name, n.Name)})
	}
}

// following gives the node to be looked at next; nil: all are looked at.
func (sc *scan) following() *node {
	for sc.next < len(sc.order) {
		n := sc.order[(sc.from+sc.next)%len(sc.order)]
		if sc.next++; n.exists && *sc.mark(n) == unseen {
			return n
		}
	}
	for len(sc.repeat) > 0 {
		n := sc.repeat[0]
		if sc.repeat = sc.repeat[1:]; n.exists && *sc.mark(n) == repeated {
			return n
		}
	}
	sc.repeat = nil
	return nil
}

// renew looks at a candidate again; false: it fits no more and is taken out.
func (sc *scan) renew(f *events.Pod, i int) bool {
	c := &sc.feasible[i]
	if r := fit.Check(f, &c.node.Node); !r.OK() {
		sc.refuse(c.node, r)
		sc.take(i)
		return false
	}
	c.changes, c.left = c.node.changes, left(f, c.node)
	return true
}

func (sc *scan) take(i int) {
	last := len(sc.feasible) - 1
	sc.feasible[i] = sc.feasible[last]
	sc.feasible[last] = candidate{}
	sc.feasible = sc.feasible[:last]
}

// again has a candidate looked at after all others: it was just picked.
func (sc *scan) again(n *node) {
	sc.take(sc.index(n))
	*sc.mark(n) = repeated
	sc.repeat = append(sc.repeat, n)
}

func (sc *scan) index(n *node) int {
	return slices.IndexFunc(sc.feasible, func(c candidate) bool { return c.node == n })
}

// raise has a node looked at again that may fit now.
func (sc *scan) raise(n *node) {
	m := sc.mark(n)
	if *m == repeated || *m == feasible {
		return
	}
	if *m >= refusedMark {
		sc.relent(n, *m)
	}
	*m = repeated
	sc.repeat = append(sc.repeat, n)
}

// remove forgets a node that is gone.
func (sc *scan) remove(n *node) {
	m := sc.mark(n)
	switch {
	case *m == feasible:
		sc.take(sc.index(n))
	case *m >= refusedMark:
		sc.relent(n, *m)
	}
	*m = unseen
}

func (sc *scan) mark(n *node) *uint16 {
	if n.index >= len(sc.marks) {
		sc.marks = append(sc.marks, make([]uint16, max(n.index+1, len(sc.order))-len(sc.marks))...)
	}
	return &sc.marks[n.index]
}

func (sc *scan) refuse(n *node, r fit.Refusal) {
	i := slices.IndexFunc(sc.refusals, func(x refusals) bool { return x.Refusal == r })
	if i < 0 && len(sc.refusals) < 1<<12 {
		i = len(sc.refusals)
		sc.refusals = append(sc.refusals, refusals{Refusal: r})
	}
	i = max(i, 0) // of thousands of reasons, the first stands for the rest
	x := &sc.refusals[i]
	if x.nodes++; len(x.few) < 4 {
		x.few = append(x.few, n)
	}
	*sc.mark(n) = refusedMark + uint16(i)
	sc.filtered = nil
}

func (sc *scan) relent(n *node, mark uint16) {
	x := &sc.refusals[mark-refusedMark]
	x.nodes--
	x.few = slices.DeleteFunc(x.few, func(m *node) bool { return m == n })
	sc.filtered = nil
}

// decision tells what the pick under way is chosen from.
func (sc *scan) decision() *events.Decision {
	if sc.filtered == nil {
		sc.filtered = filtered(sc.refusals)
	}
	d := &events.Decision{Feasible: uint64(len(sc.feasible)), Filtered: sc.filtered}
	d.Nodes = d.Feasible
	for _, r := range sc.refusals {
		d.Nodes += r.nodes
	}
	var best [3]*candidate
	for i := range sc.feasible {
		c := &sc.feasible[i]
		for j := range best {
			if best[j] == nil || better(c, best[j]) {
				c, best[j] = best[j], c
			}
			if c == nil {
				break
			}
		}
	}
	for _, c := range best {
		if c != nil {
			d.Scores = append(d.Scores, events.Score{Node: c.node.Name, Value: uint64(1000-min(c.peers, 1000))*1000 + c.left})
		}
	}
	return d
}

// filtered lists refusals as a decision does. It is never nil.
func filtered(list []refusals) []events.Filtered {
	out := []events.Filtered{}
	for _, r := range list {
		if r.nodes == 0 {
			continue
		}
		f := events.Filtered{Reason: uint64(r.Reason), Arg: r.Arg, Nodes: r.nodes}
		for _, n := range r.few[:min(len(r.few), 3)] {
			f.Names = append(f.Names, n.Name)
		}
		slices.Sort(f.Names)
		out = append(out, f)
	}
	slices.SortFunc(out, events.CompareFiltered)
	if len(out) <= filteredMost {
		return out
	}
	short := out[:0]
	for _, f := range out {
		if last := len(short) - 1; last >= 0 && short[last].Reason == f.Reason {
			short[last].Nodes += f.Nodes
			continue
		}
		f.Arg, f.Names = "", nil
		short = append(short, f)
	}
	return short
}

// left scores what a node would have left, 0..200: per cent of CPU and memory.
// A pod that asks for nothing is counted as 100m and 200Mi, as Kubernetes does,
// so that such pods spread too.
func left(want *events.Pod, n *node) uint64 {
	have, used := n.Facts.Allocatable, n.Used
	return share(used.MilliCPU+max(want.Requests.MilliCPU, 100)+used.Pods, have.MilliCPU) +
		share(used.Memory+max(want.Requests.Memory, 200<<20)+used.Pods<<20, have.Memory)
}

// share is the part of have that is not used, in per cent.
func share(used, have uint64) uint64 {
	if have == 0 || used >= have {
		return 0
	}
	return (have - used) * 100 / have
}

// explain says why no node fits a shape, from each node as it is now.
func (s *state) explain(sh *shape) *events.Decision {
	f := sh.facts
	if n := s.nodes[f.NodeName]; f.NodeName != "" && (n == nil || !n.exists) {
		return &events.Decision{Filtered: []events.Filtered{{Reason: uint64(fit.NoNode), Arg: f.NodeName, Nodes: 1}}}
	}
	fresh := scan{}
	nodes := s.ordered()
	if f.NodeName != "" {
		nodes = []*node{s.nodes[f.NodeName]}
	}
	for _, n := range nodes {
		if r := fit.Check(f, &n.Node); !r.OK() {
			fresh.refuse(n, r)
		}
	}
	return &events.Decision{Nodes: uint64(len(nodes)), Filtered: filtered(fresh.refusals)}
}
