package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// foreground lets an owner go once no dependent that blocks it is left; those
// dependents are keys of their own and end themselves. One that waits for o in
// its turn does not count: owners may go in a circle, and would wait for ever.
func foreground(in reconcile.Input, o *reconcile.Object, plan *reconcile.Plan) {
	for _, d := range in.Cache.Dependents(o.UID) {
		if blocks(d, o) && !waitsFor(in.Cache, d, o) {
			return
		}
	}
	plan.Add(reconcile.Intent{Cause: reconcile.Causes(o.Desired), Reason: "nothing depends on it any more", Request: unfinalize(o, metav1.FinalizerDeleteDependents)})
}

// blocks reports whether d hinders its owner from going.
func blocks(d, owner *reconcile.Object) bool {
	return slices.ContainsFunc(d.Facts.Owners, func(w events.Owner) bool { return w.UID == owner.UID && w.Block })
}

// waitsFor reports whether d waits for o to go, itself or through what it waits for.
func waitsFor(c *reconcile.Cache, d, o *reconcile.Object) bool {
	seen := map[*reconcile.Object]bool{}
	for next := []*reconcile.Object{d}; len(next) > 0; {
		x := next[0]
		next = next[1:]
		if x == o {
			return true
		}
		if seen[x] || x.Facts.Deleting == 0 || !has(x, metav1.FinalizerDeleteDependents) {
			continue
		}
		seen[x] = true
		for _, y := range c.Dependents(x.UID) {
			if blocks(y, x) {
				next = append(next, y)
			}
		}
	}
	return false
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
