package replicas

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

const replicaFailure = "ReplicaFailure"

// report plans the status record, if what it would say differs from what
// stands. It replaces only what was read: the counts beside it are the fold's,
// and move. So it waits for the next look where pods are to be made or ended
// now, but comes first where the last plan failed: a plan ends at a refusal.
func report(in reconcile.Input, w *reconcile.Object, body workload, pods []*reconcile.Object, plan *reconcile.Plan) {
	now := status{observed: int64(w.Facts.Generation), conditions: failure(in, body.status.conditions, plan)}
	var cause []events.Offset
	for _, p := range pods {
		if !reconcile.Active(p) {
			continue
		}
		ok, due := reconcile.Available(p, w.Facts.Workload.MinReadySeconds, in.Now)
		if ok {
			now.available++
			cause = append(cause, p.Pod().Reported)
		}
		plan.DueBy(due)
	}
	// The counts that it stands beside are the fold's: never claim more than those.
	now.available = min(now.available, int32(w.Workload().Ready))
	if now.observed == body.status.observed && now.available == body.status.available && sameConditions(now.conditions, body.status.conditions) {
		return
	}
	conditions := any(now.conditions)
	if len(now.conditions) == 0 {
		conditions = nil // a merge patch removes it
	}
	say := reconcile.Intent{
		Cause:  reconcile.Causes(append(cause, w.Desired)...),
		Reason: fmt.Sprintf("%s %s has %d of %d pods available", title(w.Ref.Kind), w.Ref.Name, now.available, w.Facts.Workload.Replicas),
		Request: reconcile.Patch(w, "status", reconcile.MergePatch, true, map[string]any{"status": map[string]any{
			"observedGeneration": now.observed, "availableReplicas": now.available, "conditions": conditions}}),
	}
	switch {
	case in.LastError != "":
		plan.Intents = append([]reconcile.Intent{say}, plan.Intents...)
	case len(plan.Intents) == 0:
		plan.Add(say)
	}
}

// failure keeps the ReplicaFailure condition: there while creating or deleting
// pods is refused.
func failure(in reconcile.Input, old []condition, plan *reconcile.Plan) []condition {
	reason := ""
	for _, i := range plan.Intents {
		switch {
		case i.Request == nil || i.Request.Ref.Kind != events.Pods:
		case i.Request.Method == "POST":
			reason = "FailedCreate"
		case i.Request.Method == "DELETE":
			reason = "FailedDelete"
		}
	}
	var keep []condition
	var had *condition
	for i := range old {
		if old[i].Type == replicaFailure {
			had = &old[i]
			continue
		}
		keep = append(keep, old[i])
	}
	if in.LastError == "" || reason == "" {
		return keep
	}
	c := condition{Type: replicaFailure, Status: "True", LastTransitionTime: metav1.Time{Time: in.Now}, Reason: reason, Message: in.LastError}
	if had != nil && had.Status == c.Status && had.Reason == c.Reason {
		c = *had // its message may name another pod each time: the first one stays
	}
	return append(keep, c)
}

func sameConditions(a, b []condition) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if !x.LastTransitionTime.Equal(&y.LastTransitionTime) {
			return false
		}
		x.LastTransitionTime, y.LastTransitionTime = metav1.Time{}, metav1.Time{}
		if x != y {
			return false
		}
	}
	return true
}
