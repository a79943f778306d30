package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Reconciler implements reconcile.Reconciler.
type Reconciler struct{}

// Describe says what garbage reads and does. It looks at every kind followed.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{Name: "garbage", Reads: []string{events.Namespaces},
		Watches: []string{"*"}, Emits: []string{"delete *", "patch *"}}
}

// Keys are the changed object, if it has owners or waits for dependents; the
// dependents of one that went or changed its mind; and owners that wait for it.
func (Reconciler) Keys(c *reconcile.Cache, change reconcile.Change) []events.Ref {
	var keys []events.Ref
	if o := change.After; o != nil && (len(o.Facts.Owners) > 0 || waits(o)) {
		keys = append(keys, o.Ref)
	}
	if ends(change) {
		for _, d := range c.Dependents(change.UID) {
			keys = append(keys, d.Ref)
		}
	}
	if o := change.Before; o != nil {
		for _, w := range o.Facts.Owners {
			if owner := c.Owner(o, w); owner != nil && waits(owner) {
				keys = append(keys, owner.Ref)
			}
		}
	}
	return keys
}

// ends reports whether an object went, or waits for its dependents.
func ends(change reconcile.Change) bool {
	return change.Trigger.Deleted || change.After != nil && waits(change.After)
}

// waits reports whether an object that is being deleted waits for its dependents.
func waits(o *reconcile.Object) bool { return o.Facts.Deleting != 0 && o.WaitsForDependents() }

func has(o *reconcile.Object, finalizer string) bool {
	return slices.Contains(o.Facts.Finalizers, finalizer)
}

// Needs the owners that the cache does not hold: whether they are there.
func (Reconciler) Needs(c *reconcile.Cache, key events.Ref) (needs []reconcile.Need) {
	o := c.Get(key)
	if o == nil {
		return nil
	}
	for _, w := range o.Facts.Owners {
		if !c.Holds(w.Kind) && c.Follows(w.Kind) {
			needs = append(needs, reconcile.Need{Ref: events.Ref{Kind: w.Kind, Namespace: o.Ref.Namespace, Name: w.Name}})
			if o.Ref.Namespace != "" {
				needs = append(needs, reconcile.Need{Ref: events.Ref{Kind: w.Kind, Name: w.Name}})
			}
		}
	}
	return needs
}

// Reconcile plans for one object: as a dependent, and as an owner that waits.
func (Reconciler) Reconcile(in reconcile.Input) (plan reconcile.Plan) {
	o := in.Object()
	if o == nil {
		return plan
	}
	switch {
	case o.Facts.Deleting == 0:
		collect(in, o, &plan)
	case has(o, metav1.FinalizerOrphanDependents):
		orphan(in, o, &plan)
	case has(o, metav1.FinalizerDeleteDependents):
		foreground(in, o, &plan)
	}
	return plan
}

// collect ends o if all its owners are gone or wait for it to go.
func collect(in reconcile.Input, o *reconcile.Object, plan *reconcile.Plan) {
	if len(o.Facts.Owners) == 0 {
		return
	}
	if ns := in.Cache.Get(events.Ref{Kind: events.Namespaces, Name: o.Ref.Namespace}); ns != nil && ns.Facts.Deleting != 0 {
		return // it goes with its namespace; two who delete it would only be refused
	}
	var alive, gone, waiting []events.Owner
	for _, w := range o.Facts.Owners {
		owner, known := find(in, o, w)
		switch {
		case !known:
			alive = append(alive, w)
		case owner == nil:
			gone = append(gone, w)
		case owner.Facts.Deleting != 0 && has(owner, metav1.FinalizerDeleteDependents):
			waiting = append(waiting, w)
		default:
			alive = append(alive, w)
		}
	}
	cause := causes(in, o)
	switch {
	case len(alive) > 0:
		if off := append(gone, waiting...); len(off) > 0 {
			plan.Add(reconcile.Intent{Cause: cause, Reason: "it has another owner left", Request: disown(o, off)})
		}
	case len(waiting) > 0:
		policy := metav1.DeletePropagationBackground
		if len(in.Cache.Dependents(o.UID)) > 0 {
			policy = metav1.DeletePropagationForeground // what hangs on it goes first, too
		}
		plan.Add(reconcile.Intent{Cause: cause, Reason: "its owner " + waiting[0].Name + " is being deleted and waits for it", Request: reconcile.Delete(o, policy)})
	default:
		plan.Add(reconcile.Intent{Cause: cause, Reason: "its owner " + gone[0].Name + " is gone", Request: reconcile.Delete(o, own(o))})
	}
}

// own is the policy that the object itself asks for by its finalizers.
func own(o *reconcile.Object) metav1.DeletionPropagation {
	switch {
	case has(o, metav1.FinalizerOrphanDependents):
		return metav1.DeletePropagationOrphan
	case has(o, metav1.FinalizerDeleteDependents):
		return metav1.DeletePropagationForeground
	}
	return metav1.DeletePropagationBackground
}

// find looks an owner up where it must be: in the dependent's namespace or in
// none. known is false where nobody here is told of that kind.
func find(in reconcile.Input, o *reconcile.Object, w events.Owner) (owner *reconcile.Object, known bool) {
	if !in.Cache.Follows(w.Kind) {
		return nil, false
	}
	if owner = in.Cache.Owner(o, w); owner != nil || in.Cache.Holds(w.Kind) {
		return owner, true
	}
	for _, namespace := range []string{o.Ref.Namespace, ""} {
		if owner = in.Found[events.Ref{Kind: w.Kind, Namespace: namespace, Name: w.Name}]; owner != nil && owner.UID == w.UID {
			return owner, true
		}
	}
	return nil, true
}

// causes are the records that ended its owners, or else its own creation.
func causes(in reconcile.Input, o *reconcile.Object) []events.Offset {
	var list []events.Offset
	for _, t := range in.Triggers {
		if t.Ref != o.Ref {
			list = append(list, t.Offset)
		}
	}
	for _, w := range o.Facts.Owners {
		if owner, _ := find(in, o, w); owner != nil && owner.Facts.Deleting != 0 {
			list = append(list, owner.Desired)
		}
	}
	if len(list) == 0 {
		list = append(list, in.Cache.Offset(o.Created))
	}
	return reconcile.Causes(list...)
}
