package kinds

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/view"
)

func kind(t *testing.T, name string) *Kind {
	t.Helper()
	k := Builtin().Kind(name)
	if k == nil {
		t.Fatalf("%s is not served", name)
	}
	return k
}

func pod() *corev1.Pod {
	yes, grace := true, int64(30)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default", Labels: map[string]string{"tier": "front", "app": "web"}, Finalizers: []string{"b", "a", "b"},
			DeletionGracePeriodSeconds: &grace, OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", UID: "r", Controller: &yes}}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "i", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("2")}}}},
			Containers: []corev1.Container{
				{Name: "a", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("1Mi")}},
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80, Protocol: "TCP", HostPort: 8080}}},
				{Name: "b", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"memory": resource.MustParse("1Mi")}}}},
			NodeSelector: map[string]string{"z": "1", "a": "2"},
		},
	}
}

// nothing reads for what needs no more than itself.
type nothing struct{ Registry }

func (nothing) Created(*view.Object) metav1.Time { return metav1.Time{} }

func (nothing) Prefixed(string, string, string, events.Revision) ([]*view.Object, error) {
	return nil, nil
}

func rendered(t *testing.T, o Object, v *view.Object) Object {
	t.Helper()
	return renderedBy(t, o, v, nothing{Builtin()})
}

func renderedBy(t *testing.T, o Object, v *view.Object, r Reader) Object {
	t.Helper()
	shown, err := kind(t, v.Ref.Kind).Render(o, v, r)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}
