package replicas

import (
	"fmt"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Burst is how many pods one plan creates or deletes at most.
const Burst = 500

// Reconciler implements step.Reconciler.
type Reconciler struct{}

// About says what replicas reads and does.
func (Reconciler) About() step.Card {
	return step.Card{
		Name:  "replicas",
		Reads: []string{events.ReplicaSets, events.ReplicationCtrl, events.Pods, events.Namespaces},
		Emits: []string{"create pods", "delete pods", "patch pods", "patch replicasets.apps/status", "patch replicationcontrollers/status"},
	}
}

// Keys are workloads: the changed one, a pod's controller before and after,
// and for a pod without one all that might adopt it.
func (Reconciler) Keys(p *step.Picture, c step.Change) []events.Ref {
	ref := c.Ref()
	if isWorkload(ref.Kind) {
		return []events.Ref{ref}
	}
	if ref.Kind != events.Pods {
		return nil
	}
	var keys []events.Ref
	for _, o := range []*step.Object{c.Before, c.After} {
		if o == nil {
			continue
		}
		if owner := o.Controller(); owner != nil {
			if isWorkload(owner.Kind) {
				keys = append(keys, events.Ref{Kind: owner.Kind, Namespace: ref.Namespace, Name: owner.Name})
			}
			continue
		}
		if o != c.After || o.Facts.Deleting != 0 {
			continue
		}
		for _, kind := range []string{events.ReplicaSets, events.ReplicationCtrl} {
			for _, w := range p.List(kind, ref.Namespace) {
				if w.Facts.Workload != nil && step.Matches(w.Facts.Workload.Selector, o.Facts.Labels) {
					keys = append(keys, w.Ref)
				}
			}
		}
	}
	return keys
}

// Needs the workload's own body: its template and its status.
func (Reconciler) Needs(p *step.Picture, key events.Ref) []events.Ref {
	if p.Get(key) == nil {
		return nil
	}
	return []events.Ref{key}
}

// Step plans for one workload.
func (Reconciler) Step(in step.Input) (plan step.Plan) {
	w := in.Object()
	if w == nil || w.Facts.Workload == nil {
		return plan
	}
	body, ok := bodyOf(in.Bodies[in.Key])
	if !ok {
		return plan
	}
	pods := claim(in, w, &plan)
	if w.Facts.Deleting == 0 && !ending(in.Picture, w.Ref.Namespace) {
		scale(in, w, body, pods, &plan)
	}
	report(in, w, body, pods, &plan)
	return plan
}

func isWorkload(kind string) bool {
	return kind == events.ReplicaSets || kind == events.ReplicationCtrl
}

// ending tells whether nothing may be created in a namespace any more.
func ending(p *step.Picture, namespace string) bool {
	ns := p.Get(events.Ref{Kind: events.Namespaces, Name: namespace})
	return ns == nil || ns.Facts.Deleting != 0
}

// scale creates or deletes the difference.
func scale(in step.Input, w *step.Object, body workload, pods []*step.Object, plan *step.Plan) {
	var active []*step.Object
	for _, p := range pods {
		if step.Active(p) {
			active = append(active, p)
		}
	}
	want, have := int(w.Facts.Workload.Replicas), len(active)
	reason := fmt.Sprintf("%s %s wants %d, has %d", title(w.Ref.Kind), w.Ref.Name, want, have)
	switch {
	case have < want:
		cause := causes(in, w)
		for range min(want-have, Burst) {
			plan.Add(step.Intent{Cause: cause, Reason: reason, Request: step.Create(
				events.Ref{Kind: events.Pods, Namespace: w.Ref.Namespace}, body.pod())})
		}
	case have > want:
		cause := causes(in, w)
		for _, p := range surplus(in.Picture, w, active)[:min(have-want, Burst)] {
			plan.Add(step.Intent{Cause: cause, Reason: reason, Request: step.Delete(p, "")})
		}
	}
}

// causes are what made the counts differ: the pods that ended since the last
// look, or else what was last asked of the workload.
func causes(in step.Input, w *step.Object) []events.Offset {
	var list []events.Offset
	for _, t := range in.Triggers {
		if t.Ref == w.Ref && t.Offset == w.Asked {
			return step.Causes(w.Asked)
		}
		if t.Ref.Kind == events.Pods && (t.Deleted || ends(t.Type)) {
			list = append(list, t.Offset)
		}
	}
	if len(list) == 0 {
		list = append(list, w.Asked)
	}
	return step.Causes(list...)
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
