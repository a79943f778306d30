package daemon

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/runtime"
)

// starting is one start of a container, beside the worker: it reads what it
// was given and touches nothing of the worker's.
type starting struct {
	d        *Daemon
	pod      runtime.Pod
	a        feed.Assignment
	run      runtime.Run
	spec     *corev1.Container
	objects  *objects
	sandbox  runtime.Sandbox
	attended bool

	fetched bool
	started runtime.Started
}

func (s *starting) do(ctx context.Context) error {
	var err error
	if !s.attended {
		return &runtime.Failure{Reason: "FailedCreatePodSandBox", Report: events.SandboxFailed, Err: errors.New("nobody looks after the pod's processes")}
	}
	if s.objects == nil {
		if s.objects, err = s.d.fetch(ctx, s.a, s.a.Revision); err != nil {
			return &runtime.Failure{Reason: "FailedFetch", Report: events.ContainerBackOff, Err: err}
		}
		s.fetched = true
	}
	s.started, err = s.pod.Start(ctx, s.sandbox, s.run, &s.objects.Objects)
	return err
}
