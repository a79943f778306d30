package garbage

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Reconciler implements step.Reconciler.
type Reconciler struct{}

// About says what garbage reads and does. It looks at every kind followed.
func (Reconciler) About() step.Card {
	return step.Card{Name: "garbage", Reads: []string{events.Namespaces, events.Deployments, events.ReplicaSets, events.ReplicationCtrl, events.Pods},
		Emits: []string{"delete *", "patch *"}}
}

// Keys are the changed object, if it has owners or waits for dependents; the
// dependents of one that went or changed its mind; and owners that wait for it.
func (Reconciler) Keys(p *step.Picture, c step.Change) []events.Ref {
	var keys []events.Ref
	if o := c.After; o != nil {
		if len(o.Facts.Owners) > 0 || o.Facts.Deleting != 0 && waits(o) {
			keys = append(keys, o.Ref)
		}
	}
	if ends(c) {
		for _, d := range p.Dependents(c.Before.UID) {
			keys = append(keys, d.Ref)
		}
	}
	if c.Before != nil {
		for _, w := range c.Before.Facts.Owners {
			if o := p.ByUID(w.UID); o != nil && o.Facts.Deleting != 0 && waits(o) {
				keys = append(keys, o.Ref)
			}
		}
	}
	return keys
}

// ends tells whether an object went, or began to wait for its dependents.
func ends(c step.Change) bool {
	if c.Before == nil {
		return false
	}
	return c.After == nil || c.After.UID != c.Before.UID || c.After.Facts.Deleting != 0 && waits(c.After)
}

func waits(o *step.Object) bool {
	return has(o, metav1.FinalizerDeleteDependents) || has(o, metav1.FinalizerOrphanDependents)
}

func has(o *step.Object, finalizer string) bool {
	return slices.Contains(o.Facts.Finalizers, finalizer)
}

// Needs no bodies: owners and finalizers are facts.
func (Reconciler) Needs(*step.Picture, events.Ref) []events.Ref { return nil }

// Step plans for one object: as a dependent, and as an owner that waits.
func (Reconciler) Step(in step.Input) (plan step.Plan) {
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
func collect(in step.Input, o *step.Object, plan *step.Plan) {
	if len(o.Facts.Owners) == 0 {
		return
	}
	if ns := in.Picture.Get(events.Ref{Kind: events.Namespaces, Name: o.Ref.Namespace}); ns != nil && ns.Facts.Deleting != 0 {
		return // it goes with its namespace; two who delete it would only be refused
	}
	var alive, gone, waiting []events.Owner
	for _, w := range o.Facts.Owners {
		owner, known := find(in.Picture, o, w)
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
			plan.Add(step.Intent{Cause: cause, Reason: "it has another owner left", Request: disown(o, off)})
		}
	case len(waiting) > 0:
		policy := metav1.DeletePropagationBackground
		if len(in.Picture.Dependents(o.UID)) > 0 {
			policy = metav1.DeletePropagationForeground // what hangs on it goes first, too
		}
		plan.Add(step.Intent{Cause: cause, Reason: "its owner " + waiting[0].Name + " is being deleted and waits for it", Request: step.Delete(o, policy)})
	default:
		plan.Add(step.Intent{Cause: cause, Reason: "its owner " + gone[0].Name + " is gone", Request: step.Delete(o, own(o))})
	}
}

// own is the policy that the object itself asks for by its finalizers.
func own(o *step.Object) metav1.DeletionPropagation {
	switch {
	case has(o, metav1.FinalizerOrphanDependents):
		return metav1.DeletePropagationOrphan
	case has(o, metav1.FinalizerDeleteDependents):
		return metav1.DeletePropagationForeground
	}
	return metav1.DeletePropagationBackground
}

// find looks an owner up where it must be: in the dependent's namespace or in
// none. known is false where the picture can't tell.
func find(p *step.Picture, o *step.Object, w events.Owner) (owner *step.Object, known bool) {
	if !p.Follows(w.Kind) {
		return nil, false
	}
	owner = p.ByUID(w.UID)
	if owner == nil || owner.Ref.Kind != w.Kind || owner.Ref.Name != w.Name || owner.Ref.Namespace != "" && owner.Ref.Namespace != o.Ref.Namespace {
		return nil, true
	}
	return owner, true
}

// causes are the records that ended its owners, or else its own creation.
func causes(in step.Input, o *step.Object) []events.Offset {
	var list []events.Offset
	for _, t := range in.Triggers {
		if t.Ref != o.Ref {
			list = append(list, t.Offset)
		}
	}
	for _, w := range o.Facts.Owners {
		if owner := in.Picture.ByUID(w.UID); owner != nil && owner.Facts.Deleting != 0 {
			list = append(list, owner.Asked)
		}
	}
	if len(list) == 0 {
		list = append(list, in.Picture.Offset(o.Created))
	}
	return step.Causes(list...)
}
