package nodehealth

import (
	"fmt"
	"time"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Grace is how long a node may be silent before it is lost, unless told otherwise.
const Grace = 40 * time.Second

// look is how often silence is looked at.
const look = time.Second

// key is the one key: whether a node's pods move depends on the others.
var key = events.Ref{Kind: events.Nodes}

// Reconciler implements reconcile.Reconciler.
type Reconciler struct {
	Grace time.Duration // 0: Grace
}

// Describe says what node health reads and does.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{Name: "nodehealth", Reads: []string{events.Nodes, events.Pods}, Observes: true,
		Emits: []string{string(events.NodeLost), string(events.NodeReady), "delete pods"}}
}

// Keys is the one key, for nodes, and for pods on a node that is lost or tainted.
func (Reconciler) Keys(c *reconcile.Cache, change reconcile.Change) []events.Ref {
	switch change.Ref.Kind {
	case events.Nodes:
		return []events.Ref{key}
	case events.Pods:
		if change.After == nil || change.After.Facts.Deleting != 0 || change.After.Pod().Node == "" {
			return nil
		}
		n := c.Get(events.Ref{Kind: events.Nodes, Name: change.After.Pod().Node})
		if n == nil || !n.Node().Ready || len(evicting(n)) > 0 {
			return []events.Ref{key}
		}
	}
	return nil
}

// Needs no bodies.
func (Reconciler) Needs(*reconcile.Cache, events.Ref) []reconcile.Need { return nil }

// Reconcile judges all nodes at once. Without an observer only taints are acted on.
func (r Reconciler) Reconcile(in reconcile.Input) (plan reconcile.Plan) {
	grace := r.Grace
	if grace == 0 {
		grace = Grace
	}
	nodes := in.Cache.List(events.Nodes, "")
	var away []*reconcile.Object
	for _, n := range nodes {
		if n.Facts.Node == nil || n.Node().Registration == 0 {
			continue
		}
		lost := !n.Node().Ready
		if in.Silence != nil {
			lost = r.judge(in, n, grace, &plan)
		}
		if lost {
			away = append(away, n)
		}
		for _, t := range evicting(n) {
			evict(in, n, t, &plan)
		}
	}
	if in.Silence != nil && len(nodes) > 0 {
		plan.DueBy(in.Now.Add(look))
	}
	if 3*len(away) > len(nodes) {
		return plan // more likely the observer is at fault
	}
	for _, n := range away {
		if !n.Node().Ready { // on record
			leave(in, n, &plan)
		}
	}
	return plan
}

// judge plans a node's transition and reports whether it is away.
func (r Reconciler) judge(in reconcile.Input, n *reconcile.Object, grace time.Duration, plan *reconcile.Plan) bool {
	st := n.Node()
	silence := in.Silence[n.Ref.Name]
	silent := silence >= grace
	switch {
	case st.Ready && silent:
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(st.Registration), Reason: fmt.Sprintf("no heartbeat for %d s", int(silence/time.Second)),
			Record: &reconcile.Record{Type: events.NodeLost, Subject: n.Ref, UID: n.UID}})
	case !st.Ready && in.Heard[n.Ref.Name] && !silent:
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(st.Registration), Reason: "its heartbeats are back",
			Record: &reconcile.Record{Type: events.NodeReady, Subject: n.Ref, UID: n.UID}})
	}
	return silent || !st.Ready
}
