package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/images"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
	"cairn/nodes/sandbox"
)

func asFailure(err error, reason string, report events.Type) *runtime.Failure {
	var f *runtime.Failure
	if errors.As(err, &f) {
		return f
	}
	return &runtime.Failure{Reason: reason, Report: report, Err: err}
}

// act begins an action of the machine; its outcome is posted.
func (w *worker) act(ctx context.Context, a lifecycle.Action) {
	switch a.Do {
	case lifecycle.MakeSandbox:
		w.makeSandbox(ctx)
	case lifecycle.EndSandbox:
		w.endSandbox(ctx)
	case lifecycle.Start:
		w.start(ctx, a.Container)
	case lifecycle.Stop:
		w.stop(ctx, a)
	case lifecycle.Kill:
		w.kill(ctx, a.Container)
	case lifecycle.Remove:
		w.remove(ctx)
	case lifecycle.ReportRemoved:
		w.reportRemoved()
	}
}

// refuse ends a pod that asks for what this node does not do.
func (w *worker) refuse() {
	if err := sandbox.Refuse(w.spec); err != nil {
		w.handle(lifecycle.Event{What: lifecycle.Refused, Message: err.Error()})
		w.report(events.SandboxFailed, nil, events.Incident{Reason: "NotSupported", Message: err.Error(), Warning: true})
	}
}

func (w *worker) container(name string) *corev1.Container {
	for _, cs := range [][]corev1.Container{w.spec.Spec.InitContainers, w.spec.Spec.Containers} {
		for i := range cs {
			if cs[i].Name == name {
				return &cs[i]
			}
		}
	}
	return &corev1.Container{Name: name}
}

// state of a container; never nil for one of the pod's.
func (w *worker) state(container string) *lifecycle.ContainerState {
	return w.machine.State.Containers[container]
}

// current is the run that a container is in, or was in last.
func (w *worker) current(container string) runtime.Run {
	s := w.state(container)
	n := s.Runs
	if s.Phase != lifecycle.Starting && s.Phase != lifecycle.Waiting {
		n-- // Runs counts it already
	}
	return runtime.Run{Container: container, N: max(0, n)}
}

// start makes and starts the container's next run.
func (w *worker) start(ctx context.Context, container string) {
	r := runtime.Run{Container: container, N: w.state(container).Runs}
	ctx, cancel := context.WithCancel(ctx)
	w.starts[container] = cancel
	s := &starting{d: w.d, pod: w.pod, a: w.a, run: r, spec: w.container(container), objects: w.objects, sandbox: w.sandbox, attended: w.attended}
	w.beside(func() {
		defer cancel()
		err := s.do(ctx)
		cancelled := ctx.Err() != nil
		if w.d.ctx.Err() != nil {
			return // this daemon ends; the next one finds out how far it came
		}
		w.post(func() { w.startDone(s, err, cancelled) })
	})
}

func (w *worker) startDone(s *starting, err error, cancelled bool) {
	c := s.run.Container
	delete(w.starts, c)
	if s.fetched && w.objects == nil {
		w.objects = s.objects
	}
	if err != nil {
		w.startFailed(c, err, cancelled)
		return
	}
	w.asOf = s.objects.asOf
	again := again(w.state(c).Last)
	w.runs(s.run, s.started.Image)
	pulled := events.Incident{Reason: "Pulled", Message: fmt.Sprintf("Container image %q already present on machine", s.spec.Image), Container: c}
	if s.started.Pulled {
		pulled.Message = fmt.Sprintf("Successfully pulled image %q", s.spec.Image)
		w.report(events.ImagePulled, nil, pulled)
	}
	started := events.Incident{Reason: "Started", Message: "Started container " + c + again, Container: c}
	created := events.Incident{Reason: "Created", Message: "Created container " + c, Container: c}
	incidents := []events.Incident{pulled, created, started}
	if again != "" { // the first one is the record's reason
		incidents = []events.Incident{started, pulled, created}
	}
	if s.started.Pulled {
		incidents = slices.DeleteFunc(incidents, func(i events.Incident) bool { return i == pulled })
	}
	if s.started.StopSignal != "" {
		w.signals[c] = s.started.StopSignal
	}
	w.report(events.ContainerStarted, nil, incidents...)
	w.watch(s.run)
	w.afterStart(s.run)
}

// again says why a container runs anew that did not end by itself.
func again(last *lifecycle.Exit) string {
	if last == nil {
		return ""
	}
	return map[string]string{
		lifecycle.StopCell:    " again: the cell was ended and is up again",
		lifecycle.StopLost:    " again: its sandbox was gone (was the machine switched off?) and is made anew",
		lifecycle.StopChanged: " again: its image was changed",
	}[last.Asked]
}

// runs makes it known to the machine that a run has started.
func (w *worker) runs(r runtime.Run, image string) {
	w.handle(lifecycle.Event{What: lifecycle.Started, Container: r.Container, ID: w.id.Container(r), Image: image})
}

func (w *worker) startFailed(c string, err error, cancelled bool) {
	f := asFailure(err, "RunContainerError", events.ContainerBackOff)
	if cancelled {
		f = &runtime.Failure{Reason: "Cancelled", Report: events.PodReported, Err: errors.New("the pod is going")}
	}
	w.handle(lifecycle.Event{What: lifecycle.StartFailed, Container: c, Reason: f.Reason, Message: f.Error()})
	if cancelled {
		return
	}
	if f.Reason == "FailedMount" || f.Reason == "CreateContainerConfigError" {
		w.objects = nil // what was missing may be there when it is fetched anew
	}
	w.log.Warn("container does not start", "container", c, "reason", f.Reason, "err", f.Err)
	w.report(f.Report, nil, events.Incident{Reason: incidentOf(f.Reason), Message: f.Error(), Container: c, Warning: true})
}

// incidentOf names the row of `kubectl get events` for a reason.
func incidentOf(reason string) string {
	switch reason {
	case images.ReasonErrImagePull, images.ReasonErrImageNeverPull, images.ReasonInvalidImageName, "RunContainerError", "CreateContainerConfigError":
		return "Failed"
	}
	return reason
}
