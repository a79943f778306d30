package scheduler

import (
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/reconcile"
)

const (
	// Batch is how many records one plan appends at most.
	Batch = 500
	// Name is the scheduler that pods mean who name none.
	Name = "default-scheduler"

	backOffFirst = time.Second
	backOffMost  = 5 * time.Minute
	// refresh is after how long the reasons that pods were told are looked at
	// again, where nodes changed but none fits: kube-scheduler's
	// flushUnschedulablePods, with its interval; doubled each time they changed.
	refresh     = 5 * time.Minute
	refreshMost = time.Hour
)

// Scheduler implements reconcile.Core. Make one with New.
type Scheduler struct{ state }

// New makes a scheduler that knows nothing yet.
func New() *Scheduler {
	s := &Scheduler{}
	s.Reset(0)
	return s
}

// Describe says what the scheduler reads and does.
func (s *Scheduler) Describe() reconcile.Description {
	return reconcile.Description{Name: "scheduler", Reads: []string{events.Nodes, events.Pods},
		Emits: []string{string(events.PodPlaced), string(events.PodUnschedulable)}}
}

// Reset forgets everything.
func (s *Scheduler) Reset(r0 uint64) { s.state = newState(r0) }

// Put takes a pod or node as a view has it.
func (s *Scheduler) Put(o *view.Object) {
	if o.Facts != nil {
		s.change(&fold.Change{Ref: o.Ref, UID: o.UID, Revision: o.Revision, Created: o.Created, Facts: o.Facts, Projected: o.Projected, FactsChanged: true},
			o.Revision.Offset(s.r0))
	}
}

// Take takes a record's result.
func (s *Scheduler) Take(r *fold.Result) {
	for i := range r.Changes {
		s.change(&r.Changes[i], r.Offset)
	}
	if e := r.Event; e != nil && e.Type == events.PodPlaced && !r.Outcome.Accepted() && e.Facts.Placement != nil {
		s.refused(e, r.Outcome)
	}
}

func (s *state) change(c *fold.Change, at events.Offset) {
	switch c.Ref.Kind {
	case events.Nodes:
		s.nodeChanged(c, at)
	case events.Pods:
		s.podChanged(c, at)
	}
}

// Plan places what can be placed, the most important and oldest pods first, and
// tells the others why not.
func (s *Scheduler) Plan(now time.Time) (plan reconcile.Plan) {
	s.release()
	s.wake()
	s.settle(now, &plan)
	s.fire(now)
	for len(plan.Intents) < Batch && len(s.ready) > 0 {
		sh := s.ready[0]
		p := sh.pods[0]
		best := s.pick(sh, p)
		if best == nil {
			s.park(sh)
			continue
		}
		plan.Add(s.assume(p, best))
	}
	s.tell(now, &plan)
	if len(s.timers) > 0 {
		plan.DueBy(s.timers[0].at)
	}
	if len(plan.Intents) == Batch {
		plan.DueBy(now)
	}
	return plan
}

// assume takes room for a pod, until the record says it or was refused.
func (s *state) assume(p *pod, c *candidate) reconcile.Intent {
	sh, n := p.shape, c.node
	d := sh.scan.decision()
	cause := []events.Offset{p.created.Offset(s.r0)}
	if p.attempts > 0 {
		cause = append(cause, n.freed) // what made room
	}
	s.dequeue(p)
	s.hold(p, n)
	p.assumed = true
	s.assumed = append(s.assumed, p)
	sh.scan.again(n)
	return reconcile.Intent{Cause: reconcile.Causes(cause...), Record: &reconcile.Record{Type: events.PodPlaced, Subject: p.ref, UID: p.uid,
		Facts: events.Facts{Placement: &events.Placement{Node: n.Name, Registration: n.registration, Decision: d}}}}
}

// release gives back what was assumed and did not come to be: those pods wait again.
func (s *state) release() {
	for _, p := range s.assumed {
		if p.assumed && p.node != nil {
			p.assumed = false
			s.unhold(p, events.NoOffset)
			s.enqueue(p)
		}
	}
	s.assumed = s.assumed[:0]
}

// Waiting counts pods that are to be tried now, and those that wait for a change or a time.
func (s *Scheduler) Waiting() (ready, later int) {
	for _, sh := range s.ready {
		ready += len(sh.pods)
	}
	for sh := range s.parked {
		later += len(sh.pods)
	}
	return ready, later + len(s.delayed)
}
