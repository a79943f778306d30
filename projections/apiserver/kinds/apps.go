package kinds

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"strconv"
	"strings"

	"cairn/events"
	"cairn/projections/view"
)

func workload(replicas *int32, s *metav1.LabelSelector, t *corev1.PodTemplateSpec, minReady int32) *events.Workload {
	w := &events.Workload{Replicas: 1, Selector: selector(s), TemplateHash: TemplateHash(t), TemplateLabels: pairs(t.Labels), MinReadySeconds: uint64(max(minReady, 0))}
	if replicas != nil {
		w.Replicas = uint64(max(*replicas, 0))
	}
	return w
}

func controllerFacts(o Object, f *events.Facts) {
	s := &o.(*corev1.ReplicationController).Spec
	t := s.Template
	if t == nil {
		t = &corev1.PodTemplateSpec{}
	}
	f.Workload = workload(s.Replicas, &metav1.LabelSelector{MatchLabels: s.Selector}, t, s.MinReadySeconds)
}

func replicaSetFacts(o Object, f *events.Facts) {
	s := &o.(*appsv1.ReplicaSet).Spec
	f.Workload = workload(s.Replicas, s.Selector, &s.Template, s.MinReadySeconds)
}

func deploymentFacts(o Object, f *events.Facts) {
	d := o.(*appsv1.Deployment)
	s := &d.Spec
	f.Workload = workload(s.Replicas, s.Selector, &s.Template, s.MinReadySeconds)
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

func counts(v *view.Object) *view.Projected {
	if v.Projected == nil || v.Projected.Workload == nil {
		return nil
	}
	return v.Projected
}

func layController(o Object, v *view.Object) {
	if p := counts(v); p != nil {
		s := &o.(*corev1.ReplicationController).Status
		s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = int32(p.Workload.Replicas), int32(p.Workload.FullyLabeled), int32(p.Workload.Ready)
	}
}

func layReplicaSet(o Object, v *view.Object) {
	if p := counts(v); p != nil {
		s := &o.(*appsv1.ReplicaSet).Status
		s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = int32(p.Workload.Replicas), int32(p.Workload.FullyLabeled), int32(p.Workload.Ready)
	}
}

func layDeployment(o Object, v *view.Object) {
	if p := counts(v); p != nil {
		s := &o.(*appsv1.Deployment).Status
		s.Replicas, s.ReadyReplicas = int32(p.Workload.Replicas), int32(p.Workload.Ready)
		s.UpdatedReplicas, s.UnavailableReplicas = int32(p.Workload.Updated), int32(p.Workload.Unavailable)
	}
}

func keepController(in, _, _ Object) {
	s := &in.(*corev1.ReplicationController).Status
	s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = 0, 0, 0
}

func keepReplicaSet(in, _, _ Object) {
	s := &in.(*appsv1.ReplicaSet).Status
	s.Replicas, s.FullyLabeledReplicas, s.ReadyReplicas = 0, 0, 0
}

func keepDeployment(in, _, _ Object) {
	s := &in.(*appsv1.Deployment).Status
	s.Replicas, s.ReadyReplicas, s.UpdatedReplicas, s.UnavailableReplicas = 0, 0, 0, 0
}
