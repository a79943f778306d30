package scheduler

import (
	"cmp"
	"slices"
	"time"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Batch is how many records one plan appends at most.
const Batch = 500

// Name is the scheduler that pods mean who name none.
const Name = "default-scheduler"

// key is the one key: all pending pods are looked at together.
var key = events.Ref{Kind: events.Pods}

// Reconciler implements reconcile.Reconciler.
type Reconciler struct{}

// About says what the scheduler reads and does.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{Name: "scheduler", Reads: []string{events.Pods, events.Nodes},
		Emits: []string{string(events.PodPlaced), string(events.PodUnschedulable)}}
}

// Keys is the one key, for pods that wait, nodes, and pods that leave one.
func (Reconciler) Keys(_ *reconcile.Cache, c reconcile.Change) []events.Ref {
	switch c.Ref().Kind {
	case events.Nodes:
		return []events.Ref{key}
	case events.Pods:
		if c.After == nil || waits(c.After) || c.Before != nil && reconcile.Holds(c.Before) && !reconcile.Holds(c.After) {
			return []events.Ref{key}
		}
	}
	return nil
}

// Needs no bodies: facts say all that placement asks for.
func (Reconciler) Needs(*reconcile.Cache, events.Ref) []events.Ref { return nil }

// Step plans for all pods that wait, the most important and oldest first.
func (Reconciler) Reconcile(in reconcile.Input) (plan reconcile.Plan) {
	pending := in.Cache.Pending()
	pending = slices.DeleteFunc(pending, func(p *reconcile.Object) bool { return !waits(p) })
	if len(pending) == 0 {
		return plan
	}
	slices.SortStableFunc(pending, func(a, b *reconcile.Object) int {
		return cmp.Or(cmp.Compare(b.Facts.Pod.Priority, a.Facts.Pod.Priority), cmp.Compare(a.Created, b.Created))
	})
	c := newCluster(in.Cache)
	for _, p := range pending {
		if len(plan.Intents) == Batch {
			plan.DueBy(in.Now.Add(time.Millisecond)) // the rest comes with the next plan
			break
		}
		if i, ok := decide(in.Cache, c, p); ok {
			plan.Add(i)
		}
	}
	return plan
}

// waits tells whether a pod is ours to place.
func waits(p *reconcile.Object) bool {
	st := p.Pod()
	return p.Facts.Pod != nil && p.Facts.Deleting == 0 && st.Node == "" && st.Phase == events.Pending &&
		(p.Facts.Pod.Scheduler == "" || p.Facts.Pod.Scheduler == Name)
}

// decide places a pod in the cluster, or says why it can't be; false where that
// is on record already.
func decide(pic *reconcile.Cache, c *cluster, p *reconcile.Object) (reconcile.Intent, bool) {
	created := pic.Offset(p.Created)
	n, why := c.choose(p)
	if n == nil {
		if p.Pod().Why == why {
			return reconcile.Intent{}, false
		}
		return reconcile.Intent{Cause: reconcile.Causes(created), Reason: why,
			Record: &reconcile.Record{Type: events.PodUnschedulable, Subject: p.Ref, UID: p.UID}}, true
	}
	n.take(p)
	cause := []events.Offset{created}
	if p.Pod().Unplaceable != 0 {
		cause = append(cause, pic.Offset(n.object.Revision)) // what made room
	}
	registration := n.object.Node().Registration
	return reconcile.Intent{Cause: reconcile.Causes(cause...), Reason: why, Record: &reconcile.Record{Type: events.PodPlaced, Subject: p.Ref, UID: p.UID,
		Facts: events.Facts{Placement: &events.Placement{Node: n.object.Ref.Name, Registration: registration, Why: why}}}}, true
}
