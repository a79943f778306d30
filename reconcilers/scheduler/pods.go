package scheduler

import (
	"container/heap"
	"slices"
	"time"

	"cairn/events"
	"cairn/projections/fold"
)

// podChanged keeps the books of one pod.
func (s *state) podChanged(c *fold.Change, at events.Offset) {
	p := s.pods[c.Ref]
	if p != nil && (c.Deleted || p.uid != c.UID) {
		s.drop(p, at)
		p = nil
	}
	if c.Deleted || c.Facts == nil || c.Facts.Pod == nil {
		return
	}
	st := &fold.PodState{}
	if c.Projected != nil && c.Projected.Pod != nil {
		st = c.Projected.Pod
	}
	holds, waits := st.Holds(), waits(c.Facts, st)
	if !holds && !waits {
		if p != nil {
			s.drop(p, at)
		}
		return
	}
	if p == nil {
		p = &pod{ref: c.Ref, uid: c.UID, created: c.Created, facts: c.Facts.Pod, index: -1}
		s.join(p, c.Facts.Owners)
		s.pods[c.Ref] = p
	} else if c.FactsChanged {
		s.rewritten(p, c.Facts)
	}
	if holds {
		s.holds(p, c.Facts, st, at)
		return
	}
	p.decision, p.attempts, p.triedAt = st.Decision, st.Attempts, st.TriedAt
	if !p.assumed && p.shape == nil {
		s.enqueue(p)
	}
}

// waits reports whether a pod is ours to place.
func waits(f *events.Facts, st *fold.PodState) bool {
	return st.Placed == 0 && f.Deleting == 0 && !st.Finished() && (f.Pod.Scheduler == "" || f.Pod.Scheduler == Name)
}

// holds books a placed pod on its node.
func (s *state) holds(p *pod, f *events.Facts, st *fold.PodState, at events.Offset) {
	if p.node == nil || p.node.Name != st.Node { // somebody else's choice
		s.dequeue(p)
		if p.node != nil {
			s.unhold(p, at)
		}
		s.hold(p, s.nodeOf(st.Node))
	}
	p.assumed, p.shape, p.refusedBy = false, nil, nil
	p.decision, p.attempts, p.triedAt = nil, 0, 0
	if active := f.Deleting == 0; active != p.counted {
		s.count(p, active)
	}
}

// rewritten takes new facts of a pod: it may hold or ask for something else now.
func (s *state) rewritten(p *pod, f *events.Facts) {
	old := p.facts
	p.facts = f.Pod
	if n := p.node; n != nil {
		n.Hold(old, -1)
		n.Hold(p.facts, +1)
		s.raise(n, events.NoOffset)
	} else if p.shape != nil && shapeOf(old) != shapeOf(p.facts) {
		s.dequeue(p)
		p.shape = nil
	}
	s.count(p, false)
	s.leave(p)
	if s.join(p, f.Owners); p.node != nil {
		s.count(p, true)
	}
}

// drop forgets a pod, and gives back what it held.
func (s *state) drop(p *pod, at events.Offset) {
	s.dequeue(p)
	if p.node != nil {
		s.unhold(p, at)
	}
	p.assumed = false
	s.leave(p)
	delete(s.pods, p.ref)
}

// enqueue has a pod wait in its shape.
func (s *state) enqueue(p *pod) {
	if !p.wakes.IsZero() {
		return // it is delayed
	}
	name := shapeOf(p.facts)
	sh := s.shapes[name]
	if sh == nil {
		sh = &shape{name: name, facts: p.facts, index: -1}
		s.shapes[name] = sh
	}
	p.shape = sh
	heap.Push(&sh.pods, p)
	if !p.listed {
		p.listed = true
		sh.untold = append(sh.untold, p)
	}
	switch {
	case sh.parked:
		s.untold[sh] = true
	case sh.index < 0:
		heap.Push(&s.ready, sh)
	default:
		heap.Fix(&s.ready, sh.index)
	}
}

// dequeue takes a pod out of its shape's queue, or out of its delay.
func (s *state) dequeue(p *pod) {
	if !p.wakes.IsZero() {
		p.wakes = time.Time{}
		delete(s.delayed, p)
		s.cancel(p)
	}
	sh := p.shape
	if sh == nil || p.index < 0 {
		return
	}
	heap.Remove(&sh.pods, p.index)
	if len(sh.untold) > 2*len(sh.pods)+Batch {
		sh.untold = slices.DeleteFunc(sh.untold, func(p *pod) bool {
			p.listed = p.shape == sh && p.index >= 0
			return !p.listed
		})
	}
	switch {
	case len(sh.pods) > 0 && sh.index >= 0:
		heap.Fix(&s.ready, sh.index)
	case len(sh.pods) == 0:
		if sh.index >= 0 {
			heap.Remove(&s.ready, sh.index)
		}
		s.rest(sh)
	}
}

// rest lets a shape that nobody waits in go, but not what it knows of nodes:
// the next pod is likely to be of the same shape.
func (s *state) rest(sh *shape) {
	delete(s.parked, sh)
	delete(s.untold, sh)
	for _, p := range sh.untold {
		p.listed = false
	}
	sh.parked, sh.look, sh.untold, sh.decision, sh.patience, sh.pause = false, false, nil, nil, 0, 0
	s.cancel(sh)
	if sh.scan == nil {
		delete(s.shapes, sh.name)
	}
}
