package nodehealth

import (
	"fmt"
	"time"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/reconcilers/reconcile"
)

// unreachable is the taint that a lost node is taken to have since it was lost.
var unreachable = events.Taint{Key: "node.kubernetes.io/unreachable", Effect: "NoExecute"}

// evicting gives a node's own taints that pods must tolerate to stay.
func evicting(n *reconcile.Object) (list []events.Taint) {
	if n.Facts.Node == nil {
		return nil
	}
	for _, t := range n.Facts.Node.Taints {
		if t.Effect == "NoExecute" {
			list = append(list, t)
		}
	}
	return list
}

// evict plans the end of pods that don't tolerate a taint at all.
func evict(in reconcile.Input, n *reconcile.Object, t events.Taint, plan *reconcile.Plan) {
	for _, p := range in.Cache.OnNode(n.Ref.Name) {
		if p.Facts.Deleting != 0 || !p.Pod().Holds() {
			continue
		}
		if _, _, tolerated := toleration(p, t); !tolerated {
			plan.Add(reconcile.Intent{Cause: reconcile.Causes(n.Desired), Reason: fmt.Sprintf("node %s has the taint %s, which it does not tolerate", n.Ref.Name, t.Key),
				Request: reconcile.Delete(p, "")})
		}
	}
}

// leave plans the end of a lost node's pods, each once its toleration has run out.
func leave(in reconcile.Input, n *reconcile.Object, plan *reconcile.Plan) {
	since := time.Unix(0, n.Node().Since)
	for _, p := range in.Cache.OnNode(n.Ref.Name) {
		if p.Facts.Deleting != 0 || !p.Pod().Holds() {
			continue
		}
		seconds, forever, tolerated := toleration(p, unreachable)
		if tolerated && forever {
			continue
		}
		due := since.Add(time.Duration(seconds) * time.Second)
		if in.Now.Before(due) {
			plan.DueBy(due)
			continue
		}
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(in.Cache.Offset(n.Written)), Reason: fmt.Sprintf("node %s has been lost for %d s, it tolerates %d", n.Ref.Name, int(in.Now.Sub(since)/time.Second), seconds),
			Request: reconcile.Delete(p, "")})
	}
}

// toleration finds for how long a pod tolerates a taint: the shortest of the
// tolerations that match.
func toleration(p *reconcile.Object, t events.Taint) (seconds int64, forever, tolerated bool) {
	if p.Facts.Pod == nil {
		return 0, true, true
	}
	for _, x := range p.Facts.Pod.Tolerations {
		if !fit.Tolerates([]events.Toleration{x}, t) {
			continue
		}
		switch {
		case x.Forever && !tolerated:
			forever = true
		case !x.Forever && (!tolerated || forever || x.Seconds < seconds):
			seconds, forever = max(0, x.Seconds), false
		}
		tolerated = true
	}
	return seconds, forever, tolerated
}
