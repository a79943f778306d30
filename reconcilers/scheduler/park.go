package scheduler

import (
	"container/heap"
	"maps"
	"slices"
	"strconv"
	"time"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/projections/fold"
	"cairn/reconcilers/reconcile"
)

// park has a shape wait for a node that fits.
func (s *state) park(sh *shape) {
	heap.Remove(&s.ready, sh.index)
	sh.parked, s.parked[sh] = true, true
	if len(sh.untold) > 0 {
		s.untold[sh] = true
	}
}

// wake has those tried again whom a raised node may help.
func (s *state) wake() {
	for sh := range s.parked {
		for n := range s.raised {
			if n.exists && fit.Check(sh.facts, &n.Node).OK() {
				delete(s.parked, sh)
				sh.parked = false
				heap.Push(&s.ready, sh)
				break
			}
		}
	}
	if s.grown {
		for sh := range s.parked {
			sh.look, s.untold[sh] = true, true
		}
		s.grown = false
	}
	for p := range s.delayed {
		if s.raised[p.refusedBy] {
			s.resume(p)
		}
	}
	clear(s.raised)
}

// tell plans what parked shapes' pods are to be told: why no node fits, where
// that is of another class than what is on record, and not more often than
// their back-off allows.
func (s *state) tell(now time.Time, plan *reconcile.Plan) {
	for _, sh := range slices.SortedFunc(maps.Keys(s.untold), func(a, b *shape) int { return compare(a.pods[0], b.pods[0]) }) {
		if len(plan.Intents) >= Batch {
			return
		}
		if !sh.parked {
			delete(s.untold, sh)
			continue
		}
		s.judge(sh, now)
		if s.tellShape(sh, now, plan) {
			delete(s.untold, sh)
		}
	}
}

// judge finds out why no node fits a shape, at first and when that was asked
// for: it costs a look at each node, so it is not done at each change.
func (s *state) judge(sh *shape, now time.Time) {
	if sh.decision != nil {
		if !sh.look {
			return
		}
		if next := sh.judged.Add(sh.pause); now.Before(next) {
			s.wakeBy(sh, next)
			return
		}
	}
	sh.look = false
	if sh.decision != nil && sh.judgedAt == s.changes {
		return
	}
	d := s.explain(sh)
	sh.judged, sh.pause = now, min(max(2*sh.pause, backOffFirst), backOffMost)
	if sh.decision != nil && !events.SameClass(d, sh.decision) {
		sh.patience = min(2*sh.patience, refreshMost)
		sh.untold = slices.Clone(sh.pods)
		slices.SortFunc(sh.untold, compare)
		for _, p := range sh.untold {
			p.listed = true
		}
	}
	sh.decision, sh.judgedAt = d, s.changes
	sh.patience = max(sh.patience, refresh)
	sh.stale = now.Add(sh.patience)
	s.wakeBy(sh, sh.stale)
}

// tellShape goes through the pods that may have to be told; true: all that are
// left wait for a time.
func (s *state) tellShape(sh *shape, now time.Time, plan *reconcile.Plan) (rest bool) {
	rest = true
	sh.untold = slices.DeleteFunc(sh.untold, func(p *pod) bool {
		if p.shape != sh || p.index < 0 || events.SameClass(p.decision, sh.decision) {
			p.listed = false
			return true
		}
		if due := p.due(); now.Before(due) {
			s.wakeBy(sh, due)
			return false
		}
		if rest = false; len(plan.Intents) < Batch {
			plan.Add(s.unschedulable(p, sh.decision))
		}
		return false
	})
	return rest
}

func (s *state) unschedulable(p *pod, d *events.Decision) reconcile.Intent {
	return reconcile.Intent{Cause: reconcile.Causes(p.created.Offset(s.r0)), Record: &reconcile.Record{Type: events.PodUnschedulable,
		Subject: p.ref, UID: p.uid, Facts: events.Facts{Decision: d}}}
}

// due is from when on something may be recorded of a pod that can't be placed.
func (p *pod) due() time.Time {
	if p.attempts == 0 {
		return time.Time{}
	}
	return time.Unix(0, p.triedAt).Add(backOff(p.attempts))
}

// backOff is the pause after so many records that a pod is unschedulable.
func backOff(attempts uint64) time.Duration {
	return min(backOffMost, backOffFirst<<min(attempts-1, 20))
}

// refusal is a placement that the fold refused.
type refusal struct {
	pod          *pod
	node         *node
	registration events.Offset
	outcome      fold.Outcome
}

// refused takes note of a refused placement, ours or another scheduler's.
func (s *state) refused(e *events.Event, o fold.Outcome) {
	p := s.pods[e.Subject]
	if p == nil || !p.assumed || p.node == nil || p.node.Name != e.Facts.Placement.Node || p.uid != e.UID {
		return
	}
	s.refusals = append(s.refusals, refusal{p, p.node, e.Facts.Placement.Registration, o})
}

// settle goes through refused placements. Somebody was faster, or the node
// changed: the state says so by now, and the pod is simply tried again. What the
// state can't explain is told, and the pod waits: else it would be refused for ever.
func (s *state) settle(now time.Time, plan *reconcile.Plan) {
	for _, r := range s.refusals {
		p, n := r.pod, r.node
		waits := s.pods[p.ref] == p && p.index >= 0
		if !waits || !n.exists || n.registration != r.registration || !fit.Check(p.facts, &n.Node).OK() {
			continue
		}
		s.dequeue(p)
		p.refusedBy, p.wakes = n, now.Add(backOff(p.attempts+1))
		s.delayed[p] = true
		s.wakeBy(p, p.wakes)
		plan.Add(s.unschedulable(p, decisionOf(n, r.outcome)))
	}
	s.refusals = nil
}

// decisionOf puts a refusal as a decision.
func decisionOf(n *node, o fold.Outcome) *events.Decision {
	f := events.Filtered{Reason: uint64(fit.Refused), Arg: o.Reason.String(), Nodes: 1, Names: []string{n.Name}}
	if o.Reason == fold.DoesNotFit && len(o.Args) == 3 {
		if code, err := strconv.ParseUint(o.Args[1], 10, 64); err == nil {
			f.Reason, f.Arg = code, o.Args[2]
		}
	}
	return &events.Decision{Nodes: 1, Filtered: []events.Filtered{f}}
}

// resume ends a pod's delay.
func (s *state) resume(p *pod) {
	delete(s.delayed, p)
	p.wakes = time.Time{}
	s.enqueue(p)
}
