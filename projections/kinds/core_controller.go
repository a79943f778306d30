package kinds

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"cairn/events"
	"cairn/projections/view"
)

func replicationControllers() *Kind {
	return &Kind{
		Name: events.ReplicationCtrl, Version: core.WithKind("ReplicationController"), Namespaced: true, Said: "replication controller", Short: []string{"rc"},
		New: func() Object { return &corev1.ReplicationController{} }, Extract: extractController, Render: renderController, Strip: stripController,
		Refuse: func(o Object, c *Complaints) {
			c.pod(&controllerTemplate(o).Spec, field.NewPath("spec", "template", "spec"))
		},
		Life: setLife,
	}
}

func controllerTemplate(o Object) *corev1.PodTemplateSpec {
	if t := o.(*corev1.ReplicationController).Spec.Template; t != nil {
		return t
	}
	return &corev1.PodTemplateSpec{}
}

func extractController(in Object, before Before, f *events.Facts) {
	s := &in.(*corev1.ReplicationController).Spec
	f.Workload = workload(in, before, s.Replicas, &metav1.LabelSelector{MatchLabels: s.Selector}, s.MinReadySeconds, controllerTemplate)
}

func renderController(o Object, v *view.Object, _ Reader) (Object, error) {
	if n := counts(v); n != nil {
		s := &o.(*corev1.ReplicationController).Status
		s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = int32(n.Replicas), int32(n.FullyLabeled), int32(n.Ready)
	}
	return o, nil
}

func stripController(in, _, _ Object) {
	s := &in.(*corev1.ReplicationController).Status
	s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = 0, 0, 0
}
