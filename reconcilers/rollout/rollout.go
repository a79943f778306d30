package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Reconciler implements reconcile.Reconciler.
type Reconciler struct{}

// Describe says what rollout reads and does.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{
		Name:  "rollout",
		Reads: []string{events.Deployments, events.ReplicaSets, events.Pods, events.Namespaces},
		Emits: []string{"create replicasets.apps", "patch replicasets.apps", "delete replicasets.apps", "patch deployments.apps/status"},
	}
}

// Keys are Deployments: the changed one, that of a ReplicaSet, of a pod's
// ReplicaSet, and for a ReplicaSet without one all that might adopt it.
func (Reconciler) Keys(c *reconcile.Cache, change reconcile.Change) []events.Ref {
	ref := change.Ref
	switch ref.Kind {
	case events.Deployments:
		return []events.Ref{ref}
	case events.ReplicaSets:
		return append(controllers(change.Before), append(controllers(change.After), adopters(c, change.After)...)...)
	case events.Pods:
		var keys []events.Ref
		for _, o := range []*reconcile.Object{change.Before, change.After} {
			if o == nil {
				continue
			}
			if w := o.Controller(); w != nil && w.Kind == events.ReplicaSets {
				keys = append(keys, controllers(c.Get(events.Ref{Kind: w.Kind, Namespace: ref.Namespace, Name: w.Name}))...)
			}
		}
		return keys
	}
	return nil
}

func controllers(o *reconcile.Object) []events.Ref {
	if o == nil {
		return nil
	}
	if w := o.Controller(); w != nil && w.Kind == events.Deployments {
		return []events.Ref{{Kind: w.Kind, Namespace: o.Ref.Namespace, Name: w.Name}}
	}
	return nil
}

func adopters(c *reconcile.Cache, o *reconcile.Object) (keys []events.Ref) {
	if o == nil || o.Controller() != nil {
		return nil
	}
	for _, d := range c.List(events.Deployments, o.Ref.Namespace) {
		if d.Facts.Workload != nil && reconcile.Matches(d.Facts.Workload.Selector, o.Facts.Labels) {
			keys = append(keys, d.Ref)
		}
	}
	return keys
}

// Needs the Deployment's body and those of its ReplicaSets.
func (Reconciler) Needs(c *reconcile.Cache, key events.Ref) []reconcile.Need {
	d := c.Get(key)
	if d == nil {
		return nil
	}
	needs := []reconcile.Need{{Ref: key, Body: true}}
	for _, o := range c.Controlled(d, events.ReplicaSets) {
		needs = append(needs, reconcile.Need{Ref: o.Ref, Body: true})
	}
	return needs
}

// Reconcile plans for one Deployment.
func (Reconciler) Reconcile(in reconcile.Input) reconcile.Plan {
	d := in.Object()
	if d == nil || d.Facts.Workload == nil || d.Facts.Deployment == nil {
		return reconcile.Plan{}
	}
	body, ok := in.Bodies[d.Ref].(*appsv1.Deployment)
	if !ok {
		return reconcile.Plan{}
	}
	r := newRun(in, d, body)
	ns := in.Cache.Get(events.Ref{Kind: events.Namespaces, Name: d.Ref.Namespace})
	if d.Facts.Deleting == 0 && ns != nil && ns.Facts.Deleting == 0 {
		if !r.claim() {
			r.advance()
		}
	}
	r.report()
	return r.finish()
}

// advance does the next thing that is to be done; what follows from it comes
// with the next look, once it shows in the cache.
func (r *run) advance() {
	paused := r.d.Facts.Deployment.Paused
	if r.fresh != nil {
		r.number(r.fresh)
	}
	switch {
	case paused || r.scaled():
		r.scale()
	case r.d.Facts.Deployment.Recreate:
		r.recreate()
	default:
		r.roll()
	}
	if paused || r.complete() {
		r.trim()
	}
}

// recreate ends all old pods before it starts new ones.
func (r *run) recreate() {
	for _, s := range r.old {
		if s.want > 0 {
			r.resize(s, 0, "pods of another template end first: Recreate")
		}
	}
	for _, s := range r.old {
		if s.running > 0 || s.changed() {
			return
		}
	}
	if r.fresh == nil {
		r.create(r.replicas)
		return
	}
	if r.fresh.want != r.replicas {
		r.resize(r.fresh, r.replicas, "all pods of the template before have ended")
	}
}

// roll moves pods from old ReplicaSets to the new one within the bounds.
func (r *run) roll() {
	if r.fresh == nil {
		r.create(r.room(0))
		return
	}
	switch {
	case r.fresh.want > r.replicas:
		r.resize(r.fresh, r.replicas, fmt.Sprintf("deployment %s wants %d", r.d.Ref.Name, r.replicas))
		return
	case r.fresh.want < r.replicas:
		if n := r.room(r.fresh.want); n > r.fresh.want {
			r.resize(r.fresh, n, fmt.Sprintf("deployment %s wants %d of this template, and at most %d pods at once", r.d.Ref.Name, r.replicas, r.replicas+r.surge))
			return
		}
	}
	r.shrinkOld()
}

// room is how many pods the new ReplicaSet may want that wants have now.
func (r *run) room(have int) int {
	total := 0
	for _, s := range r.sets {
		total += s.want
	}
	most := r.replicas + r.surge
	if total >= most {
		return have
	}
	return have + min(most-total, r.replicas-have)
}

// shrinkOld takes pods from old ReplicaSets: those that are not available
// first, then as many as are available beyond the least.
func (r *run) shrinkOld() {
	total, available := 0, 0
	for _, s := range r.sets {
		total += s.want
		available += min(s.available, s.want) // a pod that is about to go counts no more
	}
	least := r.replicas - r.unavailable
	may := total - least - (r.fresh.want - min(r.fresh.available, r.fresh.want))
	if may <= 0 {
		return
	}
	for _, s := range r.old {
		if n := min(may, s.want-min(s.available, s.want)); n > 0 {
			may -= n
			r.resize(s, s.want-n, "its pods are not available and of another template")
		}
	}
	spare := min(may, available-least)
	for _, s := range r.old {
		if n := min(spare, s.want); n > 0 {
			spare -= n
			r.resize(s, s.want-n, fmt.Sprintf("%d pods are available, %d must be", available, least))
		}
	}
}
