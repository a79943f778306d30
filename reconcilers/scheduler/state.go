package scheduler

import (
	"maps"
	"slices"
	"time"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/projections/fold"
)

// state is the cell as a scheduler sees it, kept from changes.
//
// Invariant: a pod holds room on its node from the moment it is assumed there
// until its end is folded or the assumption failed, as in the fold's own books.
// Invariant: a pod that waits stands in its shape, or is delayed, or is assumed.
// Invariant: a shape with pods is either in ready or in parked.
type state struct {
	r0     uint64
	nodes  map[string]*node
	order  []*node // those that exist, by name; nil: to be made anew
	unused []int   // indexes of nodes that are gone
	pods   map[events.Ref]*pod
	groups map[string]*group

	shapes   map[string]*shape
	ready    queue           // shapes with pods to be tried, most urgent first
	parked   map[*shape]bool // no node fits these
	scans    []*shape        // shapes with a scan, bounded by scansMost
	raised   map[*node]bool  // may fit now whom they did not fit before
	untold   map[*shape]bool // have pods that may have to be told why they wait
	assumed  []*pod
	refusals []refusal     // of those, not looked into yet
	delayed  map[*pod]bool // wait for a time
	timers   timers
	grown    bool   // a node has come
	changes  uint64 // counts what may change a reason
	ticks    uint64
}

// node is a node as it stands, with what was assumed there.
type node struct {
	fit.Node
	index        int  // in a scan's marks, while the node exists or pods hold room on it
	exists       bool // its object is there
	registration events.Offset
	freed        events.Offset // the last record that may have given room
	changes      uint64        // counts what may change a check or a score
}

// pod waits for a node or holds room on one; others are not kept.
type pod struct {
	ref     events.Ref
	uid     string
	created events.Revision
	facts   *events.Pod
	group   *group
	counted bool // in its group
	node    *node
	assumed bool // node is a wish of ours

	shape     *shape // nil: not waiting
	index     int    // in shape.pods; -1: not there
	decision  *events.Decision
	attempts  uint64
	triedAt   int64
	refusedBy *node     // by the fold, against what the state says
	wakes     time.Time // when it is tried again after that; zero: it is not delayed
	listed    bool      // in shape.untold
	wake      timer
}

// group is the pods of one controller, to be spread.
type group struct {
	uid   string
	on    map[*node]int
	count int
}

func newState(r0 uint64) state {
	return state{r0: r0, nodes: map[string]*node{}, pods: map[events.Ref]*pod{}, groups: map[string]*group{}, shapes: map[string]*shape{},
		parked: map[*shape]bool{}, raised: map[*node]bool{}, untold: map[*shape]bool{}, delayed: map[*pod]bool{}}
}

// nodeOf gives the books of a node, which outlive its object while pods hold room there.
func (s *state) nodeOf(name string) *node {
	n := s.nodes[name]
	if n == nil {
		n = &node{Node: fit.Node{Name: name}, index: len(s.nodes) + len(s.unused), freed: events.NoOffset}
		if last := len(s.unused) - 1; last >= 0 {
			n.index, s.unused = s.unused[last], s.unused[:last]
		}
		s.nodes[name] = n
	}
	return n
}

func (s *state) nodeChanged(c *fold.Change, at events.Offset) {
	n := s.nodeOf(c.Ref.Name)
	if c.Deleted || c.Facts == nil || c.Facts.Node == nil {
		if n.exists {
			n.Node = fit.Node{Name: n.Name, Used: n.Used, Ports: n.Ports}
			n.exists, n.registration, s.order = false, 0, nil
			n.changes++
			s.changes++
			for _, sh := range s.scans {
				sh.scan.remove(n)
			}
		}
		s.forget(n)
		return
	}
	st := &fold.NodeState{}
	if c.Projected != nil && c.Projected.Node != nil {
		st = c.Projected.Node
	}
	if !n.exists {
		n.exists, s.order, s.grown = true, nil, true
	}
	n.Facts, n.Labels, n.registration = c.Facts.Node, c.Facts.Labels, st.Registration
	n.Registered, n.Ready, n.Deleting = st.Registration != 0, st.Ready, c.Facts.Deleting != 0
	s.raise(n, at)
}

// forget drops the books of a node that is gone and holds nothing.
func (s *state) forget(n *node) {
	if !n.exists && n.Used.Pods == 0 {
		delete(s.nodes, n.Name)
		delete(s.raised, n)
		s.unused = append(s.unused, n.index)
	}
}

// raise notes that a node may have room now for whom it refused.
func (s *state) raise(n *node, at events.Offset) {
	n.changes++
	s.changes++
	if at != events.NoOffset {
		n.freed = at
	}
	if !n.exists {
		return
	}
	s.raised[n] = true
	for _, sh := range s.scans {
		sh.scan.raise(n)
	}
}

func (s *state) hold(p *pod, n *node) {
	p.node = n
	n.Hold(p.facts, +1)
	n.changes++
	s.changes++
	s.count(p, true)
}

func (s *state) unhold(p *pod, at events.Offset) {
	n := p.node
	n.Hold(p.facts, -1)
	s.count(p, false)
	p.node = nil
	s.raise(n, at)
	s.forget(n)
}

// count books a pod in its group, or takes it out.
func (s *state) count(p *pod, in bool) {
	if p.group == nil || p.counted == in {
		return
	}
	p.counted = in
	if in {
		p.group.on[p.node]++
		return
	}
	if p.group.on[p.node]--; p.group.on[p.node] == 0 {
		delete(p.group.on, p.node)
	}
}

// join puts a pod into its controller's group.
func (s *state) join(p *pod, owners []events.Owner) {
	i := slices.IndexFunc(owners, func(o events.Owner) bool { return o.Controller })
	if i < 0 {
		return
	}
	g := s.groups[owners[i].UID]
	if g == nil {
		g = &group{uid: owners[i].UID, on: map[*node]int{}}
		s.groups[g.uid] = g
	}
	g.count++
	p.group = g
}

func (s *state) leave(p *pod) {
	if g := p.group; g != nil {
		if g.count--; g.count == 0 {
			delete(s.groups, g.uid)
		}
		p.group = nil
	}
}

// ordered gives the nodes that exist, by name. The slice is never changed: scans share it.
func (s *state) ordered() []*node {
	if s.order == nil {
		s.order = make([]*node, 0, len(s.nodes))
		for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
			if n := s.nodes[name]; n.exists {
				s.order = append(s.order, n)
			}
		}
	}
	return s.order
}
