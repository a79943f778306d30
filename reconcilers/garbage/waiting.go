package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/step"
)

// foreground lets an owner go once no dependent that blocks it is left; those
// dependents are keys of their own and end themselves.
func foreground(in step.Input, o *step.Object, plan *step.Plan) {
	for _, d := range in.Picture.Dependents(o.UID) {
		for _, w := range d.Facts.Owners {
			if w.UID == o.UID && w.Block {
				return
			}
		}
	}
	plan.Add(step.Intent{Cause: step.Causes(o.Asked), Reason: "nothing depends on it any more", Request: unfinalize(o, metav1.FinalizerDeleteDependents)})
}

// orphan takes an owner off its dependents and then lets it go.
func orphan(in step.Input, o *step.Object, plan *step.Plan) {
	dependents := in.Picture.Dependents(o.UID)
	for _, d := range dependents {
		if d.Facts.Deleting != 0 {
			continue
		}
		plan.Add(step.Intent{Cause: step.Causes(o.Asked), Reason: "its owner " + o.Ref.Name + " is being deleted and leaves it behind",
			Request: disown(d, []events.Owner{{UID: o.UID}})})
	}
	if len(plan.Intents) == 0 {
		plan.Add(step.Intent{Cause: step.Causes(o.Asked), Reason: "its dependents are orphans", Request: unfinalize(o, metav1.FinalizerOrphanDependents)})
	}
}

func disown(o *step.Object, owners []events.Owner) *step.Request {
	var list []any
	for _, w := range owners {
		list = append(list, map[string]any{"$patch": "delete", "uid": w.UID})
	}
	return step.Patch(o, "", step.StrategicPatch, false, map[string]any{"metadata": map[string]any{"ownerReferences": list}})
}

// unfinalize replaces the list of finalizers over the revision that was seen.
func unfinalize(o *step.Object, finalizer string) *step.Request {
	left := slices.DeleteFunc(slices.Clone(o.Facts.Finalizers), func(f string) bool { return f == finalizer })
	return step.Patch(o, "", step.MergePatch, true, map[string]any{"metadata": map[string]any{"finalizers": left}})
}
