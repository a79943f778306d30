package replicas

import (
	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// claim gives the workload's pods: those it controls and whose labels fit. It
// plans to adopt pods that fit and that nobody controls, and to release those
// it controls that fit no more.
func claim(in reconcile.Input, w *reconcile.Object, plan *reconcile.Plan) []*reconcile.Object {
	var mine []*reconcile.Object
	sel := w.Facts.Workload.Selector
	ended := w.Facts.Deleting != 0
	for _, p := range in.Cache.Controlled(w, events.Pods) {
		if reconcile.Matches(sel, p.Facts.Labels) {
			mine = append(mine, p)
			continue
		}
		if ended || p.Facts.Deleting != 0 {
			continue
		}
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(in.Cache.Offset(p.Written)), Reason: "its labels match no longer the selector of " + title(w.Ref.Kind) + " " + w.Ref.Name,
			Request: reconcile.Patch(p, "", reconcile.StrategicPatch, false, map[string]any{"metadata": map[string]any{
				"ownerReferences": []any{map[string]any{"$patch": "delete", "uid": w.UID}}}})})
	}
	if ended {
		return mine
	}
	for _, p := range in.Cache.Orphans(events.Pods, w.Ref.Namespace) {
		if !reconcile.Active(p) || !reconcile.Matches(sel, p.Facts.Labels) {
			continue
		}
		mine = append(mine, p)
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(in.Cache.Offset(p.Written)), Reason: title(w.Ref.Kind) + " " + w.Ref.Name + " adopts it: its labels match",
			Request: reconcile.Patch(p, "", reconcile.StrategicPatch, false, map[string]any{"metadata": map[string]any{
				"ownerReferences": []any{ownerOf(w)}}})})
	}
	return mine
}

func ownerOf(w *reconcile.Object) map[string]any {
	version, kind := "v1", "ReplicationController"
	if w.Ref.Kind == events.ReplicaSets {
		version, kind = "apps/v1", "ReplicaSet"
	}
	return map[string]any{"apiVersion": version, "kind": kind, "name": w.Ref.Name, "uid": w.UID, "controller": true, "blockOwnerDeletion": true}
}
