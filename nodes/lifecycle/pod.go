package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// defaultGrace is what Kubernetes gives a pod that names no grace period.
const defaultGrace = 30 * time.Second

// Of reads a pod.
func Of(pod *corev1.Pod) Spec {
	s := Spec{Restart: RestartPolicy(pod.Spec.RestartPolicy), Grace: defaultGrace}
	if s.Restart == "" {
		s.Restart = Always
	}
	if g := pod.Spec.TerminationGracePeriodSeconds; g != nil {
		s.Grace = time.Duration(*g) * time.Second
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		s.Init = append(s.Init, Container{Name: c.Name, Sidecar: sidecar, Startup: sidecar && c.StartupProbe != nil, Readiness: sidecar && c.ReadinessProbe != nil})
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		s.Main = append(s.Main, Container{Name: c.Name, Startup: c.StartupProbe != nil, Readiness: c.ReadinessProbe != nil})
	}
	return s
}
