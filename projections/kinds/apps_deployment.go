package kinds

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"cairn/events"
	"cairn/projections/view"
)

var apps = schema.GroupVersion{Group: "apps", Version: "v1"}

func deployments() *Kind {
	return &Kind{
		Name: events.Deployments, Version: apps.WithKind("Deployment"), Namespaced: true, Said: "deployment", Short: []string{"deploy"},
		New: func() Object { return &appsv1.Deployment{} }, Extract: extractDeployment, Render: renderDeployment, Strip: stripDeployment,
		Refuse: func(o Object, c *Complaints) {
			c.pod(&o.(*appsv1.Deployment).Spec.Template.Spec, field.NewPath("spec", "template", "spec"))
		},
		Life: []Share{{"status.replicas", Fold}, {"status.readyReplicas", Fold}, {"status.updatedReplicas", Fold}, {"status.unavailableReplicas", Fold},
			{"status.availableReplicas", Reconciler("rollout")}, {"status.observedGeneration", Reconciler("rollout")},
			{"status.conditions", Reconciler("rollout")}, {"its replica sets, and how many pods each wants", Reconciler("rollout")}},
	}
}

func deploymentTemplate(o Object) *corev1.PodTemplateSpec {
	return &o.(*appsv1.Deployment).Spec.Template
}

func extractDeployment(in Object, before Before, f *events.Facts) {
	d := in.(*appsv1.Deployment)
	s := &d.Spec
	f.Workload = workload(in, before, s.Replicas, s.Selector, s.MinReadySeconds, deploymentTemplate)
	v := &events.Deployment{Recreate: s.Strategy.Type == appsv1.RecreateDeploymentStrategyType, Paused: s.Paused}
	if r := s.Strategy.RollingUpdate; r != nil {
		v.MaxSurge, v.MaxUnavailable = amount(r.MaxSurge), amount(r.MaxUnavailable)
	}
	if s.RevisionHistoryLimit != nil {
		v.HistoryLimit = uint64(max(*s.RevisionHistoryLimit, 0))
	}
	if s.ProgressDeadlineSeconds != nil {
		v.DeadlineSeconds = uint64(max(*s.ProgressDeadlineSeconds, 0))
	}
	f.Deployment = v
	if st := &d.Status; st.ObservedGeneration > 0 {
		f.Rollout = &events.Rollout{ObservedGeneration: uint64(st.ObservedGeneration), Available: uint64(max(st.AvailableReplicas, 0)),
			Unavailable: uint64(max(int64(f.Workload.Replicas)-int64(st.AvailableReplicas), 0)), Complete: complete(st)}
	}
}

func complete(s *appsv1.DeploymentStatus) bool {
	for _, c := range s.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.Status == corev1.ConditionTrue && c.Reason == "NewReplicaSetAvailable"
		}
	}
	return false
}

func amount(v *intstr.IntOrString) events.Amount {
	if v == nil {
		return events.Amount{}
	}
	if v.Type == intstr.Int {
		return events.Amount{Value: uint64(max(v.IntVal, 0))}
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(v.StrVal, "%"), 10, 32)
	if err != nil {
		return events.Amount{}
	}
	return events.Amount{Value: n, Percent: true}
}

func renderDeployment(o Object, v *view.Object, _ Reader) (Object, error) {
	if n := counts(v); n != nil {
		s := &o.(*appsv1.Deployment).Status
		s.Replicas, s.ReadyReplicas = int32(n.Replicas), int32(n.Ready)
		s.UpdatedReplicas, s.UnavailableReplicas = int32(n.Updated), int32(n.Unavailable)
	}
	return o, nil
}

func stripDeployment(in, _, _ Object) {
	s := &in.(*appsv1.Deployment).Status
	s.Replicas, s.ReadyReplicas, s.UpdatedReplicas, s.UnavailableReplicas = 0, 0, 0, 0
}
