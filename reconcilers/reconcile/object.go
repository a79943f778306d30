package reconcile

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Object is one live object, without its bodies.
type Object struct {
	Ref                        events.Ref
	UID                        string
	Revision, Written, Created events.Revision
	// Desired is the last record that changed what is desired of it: its creation,
	// a change of its spec, the wish to delete it. After a start, its last write.
	Desired events.Offset
	// Progressed is the ledger time (Unix ns) at which its projected counts last
	// rose or its number of pods last changed; 0: not since the start.
	Progressed int64
	Facts      *events.Facts // never nil
	Projected  *fold.Projected
}

// ObjectOf takes an object as a view has it, without its bodies.
func ObjectOf(o *view.Object, r0 uint64) *Object {
	return &Object{Ref: o.Ref, UID: o.UID, Revision: o.Revision, Written: o.Written, Created: o.Created,
		Desired: o.Written.Offset(r0), Facts: o.Facts, Projected: o.Projected}
}

// Pod gives a pod's projected state; an empty one for other objects.
func (o *Object) Pod() *fold.PodState {
	if o.Projected == nil || o.Projected.Pod == nil {
		return &fold.PodState{}
	}
	return o.Projected.Pod
}

// Node gives a node's projected state; an empty one for other objects.
func (o *Object) Node() *fold.NodeState {
	if o.Projected == nil || o.Projected.Node == nil {
		return &fold.NodeState{}
	}
	return o.Projected.Node
}

// Workload gives a workload's projected counts; none for other objects.
func (o *Object) Workload() *fold.WorkloadState {
	if o.Projected == nil || o.Projected.Workload == nil {
		return &fold.WorkloadState{}
	}
	return o.Projected.Workload
}

// Controller is the owner that controls o; nil where none does.
func (o *Object) Controller() *events.Owner {
	for i := range o.Facts.Owners {
		if o.Facts.Owners[i].Controller {
			return &o.Facts.Owners[i]
		}
	}
	return nil
}

// WaitsForDependents reports whether o stays, once it is to be deleted, until
// something was done about what it owns.
func (o *Object) WaitsForDependents() bool {
	return slices.ContainsFunc(o.Facts.Finalizers, func(f string) bool {
		return f == metav1.FinalizerDeleteDependents || f == metav1.FinalizerOrphanDependents
	})
}
