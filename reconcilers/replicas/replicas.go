package replicas

import (
	"fmt"

	"cairn/events"
	"cairn/reconcilers/reconcile"
)

// Burst is how many pods one plan creates or deletes at most.
const Burst = 500

// Reconciler implements reconcile.Reconciler.
type Reconciler struct{}

// Describe says what replicas reads and does.
func (Reconciler) Describe() reconcile.Description {
	return reconcile.Description{
		Name:  "replicas",
		Reads: []string{events.ReplicaSets, events.ReplicationCtrl, events.Pods, events.Namespaces},
		Emits: []string{"create pods", "delete pods", "patch pods", "patch replicasets.apps/status", "patch replicationcontrollers/status"},
	}
}

// Keys are workloads: the changed one, a pod's controller before and after,
// and for a pod without one all that might adopt it.
func (Reconciler) Keys(c *reconcile.Cache, change reconcile.Change) []events.Ref {
	ref := change.Ref
	if isWorkload(ref.Kind) {
		return []events.Ref{ref}
	}
	if ref.Kind != events.Pods {
		return nil
	}
	var keys []events.Ref
	for _, o := range []*reconcile.Object{change.Before, change.After} {
		if o == nil {
			continue
		}
		if owner := o.Controller(); owner != nil {
			if isWorkload(owner.Kind) {
				keys = append(keys, events.Ref{Kind: owner.Kind, Namespace: ref.Namespace, Name: owner.Name})
			}
			continue
		}
		if o != change.After || o.Facts.Deleting != 0 {
			continue
		}
		for _, kind := range []string{events.ReplicaSets, events.ReplicationCtrl} {
			for _, w := range c.List(kind, ref.Namespace) {
				if w.Facts.Workload != nil && reconcile.Matches(w.Facts.Workload.Selector, o.Facts.Labels) {
					keys = append(keys, w.Ref)
				}
			}
		}
	}
	return keys
}

// Needs the workload's own body: its template and its status.
func (Reconciler) Needs(c *reconcile.Cache, key events.Ref) []reconcile.Need {
	if c.Get(key) == nil {
		return nil
	}
	return []reconcile.Need{{Ref: key, Body: true}}
}

// Reconcile plans for one workload.
func (Reconciler) Reconcile(in reconcile.Input) (plan reconcile.Plan) {
	w := in.Object()
	if w == nil || w.Facts.Workload == nil {
		return plan
	}
	body, ok := bodyOf(in.Bodies[in.Key])
	if !ok {
		return plan
	}
	pods := claim(in, w, &plan)
	if w.Facts.Deleting == 0 && !ending(in.Cache, w.Ref.Namespace) {
		scale(in, w, body, pods, &plan)
	}
	report(in, w, body, pods, &plan)
	return plan
}

func isWorkload(kind string) bool {
	return kind == events.ReplicaSets || kind == events.ReplicationCtrl
}

// ending reports whether nothing may be created in a namespace any more.
func ending(c *reconcile.Cache, namespace string) bool {
	ns := c.Get(events.Ref{Kind: events.Namespaces, Name: namespace})
	return ns == nil || ns.Facts.Deleting != 0
}

// scale creates or deletes the difference.
func scale(in reconcile.Input, w *reconcile.Object, body workload, pods []*reconcile.Object, plan *reconcile.Plan) {
	var active []*reconcile.Object
	for _, p := range pods {
		if reconcile.Active(p) {
			active = append(active, p)
		}
	}
	want, have := int(w.Facts.Workload.Replicas), len(active)
	reason := fmt.Sprintf("%s %s wants %d, has %d", title(w.Ref.Kind), w.Ref.Name, want, have)
	switch {
	case have < want:
		cause := causes(in, w)
		for range min(want-have, Burst) {
			plan.Add(reconcile.Intent{Cause: cause, Reason: reason, Request: reconcile.Create(
				events.Ref{Kind: events.Pods, Namespace: w.Ref.Namespace}, body.pod())})
		}
	case have > want:
		cause := causes(in, w)
		for _, p := range surplus(in.Cache, w, active)[:min(have-want, Burst)] {
			plan.Add(reconcile.Intent{Cause: cause, Reason: reason, Request: reconcile.Delete(p, "")})
		}
	}
}

// causes are what made the counts differ: the pods that ended since the last
// look, or else what was last asked of the workload.
func causes(in reconcile.Input, w *reconcile.Object) []events.Offset {
	var list []events.Offset
	for _, t := range in.Triggers {
		if t.Ref == w.Ref && t.Offset == w.Desired {
			return reconcile.Causes(w.Desired)
		}
		if t.Ref.Kind == events.Pods && (t.Deleted || ends(t.Type)) {
			list = append(list, t.Offset)
		}
	}
	if len(list) == 0 {
		list = append(list, w.Desired)
	}
	return reconcile.Causes(list...)
}

func ends(t events.Type) bool {
	return t == events.DeletionRequested || t == events.PodEvicted || t == events.ContainerExited
}

func title(kind string) string {
	if kind == events.ReplicaSets {
		return "replica set"
	}
	return "replication controller"
}
