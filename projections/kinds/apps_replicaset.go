package kinds

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

func replicaSets() *Kind {
	return &Kind{
		Name: events.ReplicaSets, Version: apps.WithKind("ReplicaSet"), Namespaced: true, Said: "replica set", Short: []string{"rs"},
		New: func() Object { return &appsv1.ReplicaSet{} }, Extract: extractReplicaSet, Render: renderReplicaSet, Strip: stripReplicaSet,
		Refuse: func(o Object, c *Complaints) {
			c.pod(&o.(*appsv1.ReplicaSet).Spec.Template.Spec, field.NewPath("spec", "template", "spec"))
		},
		Life: setLife,
	}
}

// setLife is that of what wants a number of equal pods.
var setLife = []Share{{"status.replicas", Fold}, {"status.fullyLabeledReplicas", Fold}, {"status.readyReplicas", Fold},
	{"status.availableReplicas", Reconciler("replicas")}, {"status.observedGeneration", Reconciler("replicas")},
	{"its pods, made and deleted", Reconciler("replicas")}}

func replicaSetTemplate(o Object) *corev1.PodTemplateSpec {
	return &o.(*appsv1.ReplicaSet).Spec.Template
}

func extractReplicaSet(in Object, before Before, f *events.Facts) {
	s := &in.(*appsv1.ReplicaSet).Spec
	f.Workload = workload(in, before, s.Replicas, s.Selector, s.MinReadySeconds, replicaSetTemplate)
}

// counts is how many pods the fold counts for a workload; nil: it has not yet.
func counts(v *view.Object) *fold.WorkloadState {
	if v.Projected == nil {
		return nil
	}
	return v.Projected.Workload
}

func renderReplicaSet(o Object, v *view.Object, _ Reader) (Object, error) {
	if n := counts(v); n != nil {
		s := &o.(*appsv1.ReplicaSet).Status
		s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = int32(n.Replicas), int32(n.FullyLabeled), int32(n.Ready)
	}
	return o, nil
}

func stripReplicaSet(in, _, _ Object) {
	s := &in.(*appsv1.ReplicaSet).Status
	s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = 0, 0, 0
}
