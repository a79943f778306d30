package kinds

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
)

func TestWhatIsNotDoneIsNamed(t *testing.T) {
	p := pod()
	p.Spec.Containers[0].Ports[0].HostPort = 0
	p.Spec.Containers[0].StartupProbe, p.Spec.Containers[0].Lifecycle = &corev1.Probe{}, &corev1.Lifecycle{}
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{}}}
	p.Spec.Volumes = []corev1.Volume{{Name: "ok", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "nfs", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}}}}
	p.Spec.PriorityClassName = "high"
	c := kind(t, events.Pods).Unsupported(p)
	errs, warnings := c.Errors, c.Warnings
	if len(errs) != 2 || !strings.Contains(errs.ToAggregate().Error(), "spec.volumes[1]") || !strings.Contains(errs.ToAggregate().Error(), "nodeAffinity") {
		t.Errorf("refused: %v", errs)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "spec.priorityClassName") {
		t.Errorf("warned: %v", warnings)
	}
	if c := kind(t, events.Services).Unsupported(&corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}); len(c.Errors) != 0 || len(c.Warnings) != 1 {
		t.Errorf("a load balancer: %+v", c)
	}
}
