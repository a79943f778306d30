package replicas

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// workload is what the two kinds have in common.
type workload struct {
	meta     metav1.ObjectMeta
	owner    metav1.OwnerReference
	template corev1.PodTemplateSpec
	status   status
}

// status is what replicas answers for, and what the API checks it against.
type status struct {
	observed   int64
	available  int32
	conditions []condition
}

type condition struct {
	Type               string      `json:"type"`
	Status             string      `json:"status"`
	LastTransitionTime metav1.Time `json:"lastTransitionTime"`
	Reason             string      `json:"reason,omitempty"`
	Message            string      `json:"message,omitempty"`
}

func bodyOf(o runtime.Object) (w workload, ok bool) {
	yes := true
	switch b := o.(type) {
	case *appsv1.ReplicaSet:
		w = workload{meta: b.ObjectMeta, template: b.Spec.Template, status: status{observed: b.Status.ObservedGeneration, available: b.Status.AvailableReplicas}}
		w.owner = metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet"}
		for _, c := range b.Status.Conditions {
			w.status.conditions = append(w.status.conditions, condition{string(c.Type), string(c.Status), c.LastTransitionTime, c.Reason, c.Message})
		}
	case *corev1.ReplicationController:
		if b.Spec.Template == nil {
			return w, false
		}
		w = workload{meta: b.ObjectMeta, template: *b.Spec.Template, status: status{observed: b.Status.ObservedGeneration, available: b.Status.AvailableReplicas}}
		w.owner = metav1.OwnerReference{APIVersion: "v1", Kind: "ReplicationController"}
		for _, c := range b.Status.Conditions {
			w.status.conditions = append(w.status.conditions, condition{string(c.Type), string(c.Status), c.LastTransitionTime, c.Reason, c.Message})
		}
	default:
		return w, false
	}
	w.owner.Name, w.owner.UID, w.owner.Controller, w.owner.BlockOwnerDeletion = w.meta.Name, w.meta.UID, &yes, &yes
	return w, true
}

// pod is the workload's next pod; the server gives it its name.
func (w workload) pod() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.meta.Namespace, GenerateName: w.meta.Name + "-",
			Labels: w.template.Labels, Annotations: w.template.Annotations, Finalizers: w.template.Finalizers,
			OwnerReferences: []metav1.OwnerReference{w.owner},
		},
		Spec: w.template.Spec,
	}
}
