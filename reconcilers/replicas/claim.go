package replicas

import (
	"cairn/events"
	"cairn/reconcilers/step"
)

// claim gives the workload's pods: those it controls and whose labels fit. It
// plans to adopt pods that fit and that nobody controls, and to release those
// it controls that fit no more.
func claim(in step.Input, w *step.Object, plan *step.Plan) []*step.Object {
	var mine []*step.Object
	sel := w.Facts.Workload.Selector
	ended := w.Facts.Deleting != 0
	for _, p := range in.Picture.Controlled(w, events.Pods) {
		if step.Matches(sel, p.Facts.Labels) {
			mine = append(mine, p)
			continue
		}
		if ended || p.Facts.Deleting != 0 {
			continue
		}
		plan.Add(step.Intent{Cause: step.Causes(in.Picture.Offset(p.Written)), Reason: "its labels match no longer the selector of " + title(w.Ref.Kind) + " " + w.Ref.Name,
			Request: step.Patch(p, "", step.StrategicPatch, false, map[string]any{"metadata": map[string]any{
				"ownerReferences": []any{map[string]any{"$patch": "delete", "uid": w.UID}}}})})
	}
	if ended {
		return mine
	}
	for _, p := range in.Picture.Orphans(events.Pods, w.Ref.Namespace) {
		if !step.Active(p) || !step.Matches(sel, p.Facts.Labels) {
			continue
		}
		mine = append(mine, p)
		plan.Add(step.Intent{Cause: step.Causes(in.Picture.Offset(p.Written)), Reason: title(w.Ref.Kind) + " " + w.Ref.Name + " adopts it: its labels match",
			Request: step.Patch(p, "", step.StrategicPatch, false, map[string]any{"metadata": map[string]any{
				"ownerReferences": []any{ownerOf(w)}}})})
	}
	return mine
}

func ownerOf(w *step.Object) map[string]any {
	version, kind := "v1", "ReplicationController"
	if w.Ref.Kind == events.ReplicaSets {
		version, kind = "apps/v1", "ReplicaSet"
	}
	return map[string]any{"apiVersion": version, "kind": kind, "name": w.Ref.Name, "uid": w.UID, "controller": true, "blockOwnerDeletion": true}
}
