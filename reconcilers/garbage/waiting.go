package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// foreground lets an owner go once no dependent that blocks it is left; those
// dependents are keys of their own and end themselves.
func foreground(in reconcile.Input, o *reconcile.Object, plan *reconcile.Plan) {
	for _, d := range in.Cache.Dependents(o.UID) {
		for _, w := range d.Facts.Owners {
			if w.UID == o.UID && w.Block {
				return
			}
		}
	}
	plan.Add(reconcile.Intent{Cause: reconcile.Causes(o.Desired), Reason: "nothing depends on it any more", Request: unfinalize(o, metav1.FinalizerDeleteDependents)})
}

// orphan takes an owner off its dependents and then lets it go.
func orphan(in reconcile.Input, o *reconcile.Object, plan *reconcile.Plan) {
	dependents := in.Cache.Dependents(o.UID)
	for _, d := range dependents {
		if d.Facts.Deleting != 0 {
			continue
		}
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(o.Desired), Reason: "its owner " + o.Ref.Name + " is being deleted and leaves it behind",
			Request: disown(d, []events.Owner{{UID: o.UID}})})
	}
	if len(plan.Intents) == 0 {
		plan.Add(reconcile.Intent{Cause: reconcile.Causes(o.Desired), Reason: "its dependents are orphans", Request: unfinalize(o, metav1.FinalizerOrphanDependents)})
	}
}

func disown(o *reconcile.Object, owners []events.Owner) *reconcile.Request {
	var list []any
	for _, w := range owners {
		list = append(list, map[string]any{"$patch": "delete", "uid": w.UID})
	}
	return reconcile.Patch(o, "", reconcile.StrategicPatch, false, map[string]any{"metadata": map[string]any{"ownerReferences": list}})
}

// unfinalize replaces the list of finalizers over the revision that was seen.
func unfinalize(o *reconcile.Object, finalizer string) *reconcile.Request {
	left := slices.DeleteFunc(slices.Clone(o.Facts.Finalizers), func(f string) bool { return f == finalizer })
	return reconcile.Patch(o, "", reconcile.MergePatch, true, map[string]any{"metadata": map[string]any{"finalizers": left}})
}
