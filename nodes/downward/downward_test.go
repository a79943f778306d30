package downward

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func pod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "u1", Labels: map[string]string{"b": "2", "a": "1"}},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{
			Limits:   corev1.ResourceList{"cpu": resource.MustParse("1500m")},
			Requests: corev1.ResourceList{"memory": resource.MustParse("64Mi")},
		}}}},
		Status: corev1.PodStatus{PodIP: "10.1.0.2", PodIPs: []corev1.PodIP{{IP: "10.1.0.2"}}},
	}
}

func TestFields(t *testing.T) {
	for path, want := range map[string]string{
		"metadata.name": "web", "metadata.namespace": "shop", "metadata.uid": "u1", "spec.nodeName": "n1",
		"status.podIP": "10.1.0.2", "metadata.labels": "a=\"1\"\nb=\"2\"", "metadata.labels['b']": "2", "metadata.annotations['x']": "",
	} {
		if got, err := Field(pod(), path); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", path, got, err, want)
		}
	}
	if _, err := Field(pod(), "spec.replicas"); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func TestResources(t *testing.T) {
	node := corev1.ResourceList{"memory": resource.MustParse("1Gi")}
	for _, c := range []struct{ res, divisor, want string }{
		{"limits.cpu", "", "2"}, {"limits.cpu", "1m", "1500"}, {"requests.memory", "1Mi", "64"}, {"limits.memory", "1Mi", "1024"},
	} {
		ref := &corev1.ResourceFieldSelector{Resource: c.res}
		if c.divisor != "" {
			ref.Divisor = resource.MustParse(c.divisor)
		}
		if got, err := Resource(pod(), "c", ref, node); err != nil || got != c.want {
			t.Errorf("%s / %s = %q, %v; want %q", c.res, c.divisor, got, err, c.want)
		}
	}
	if _, err := Resource(pod(), "other", &corev1.ResourceFieldSelector{Resource: "limits.cpu"}, node); err == nil {
		t.Error("a container that does not exist was accepted")
	}
}
