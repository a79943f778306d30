package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/images"
	"cairn/nodes/lifecycle"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim/protocol"
)

// failure is an error with what Kubernetes calls its reason, and the type of
// the report that tells of it.
type failure struct {
	reason string
	report events.Type
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func asFailure(err error, reason string, report events.Type) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{reason, report, err}
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
	}
}

// refuse ends a pod that asks for what this node does not do.
func (w *worker) refuse() {
	if err := sandbox.Refuse(w.pod); err != nil {
		w.handle(lifecycle.Event{What: lifecycle.Refused, Message: err.Error()})
		w.tell(events.SandboxFailed, nil, events.Incident{Reason: "NotSupported", Message: err.Error(), Warning: true})
	}
}

func (w *worker) spec(container string) *corev1.Container {
	for i := range w.pod.Spec.InitContainers {
		if w.pod.Spec.InitContainers[i].Name == container {
			return &w.pod.Spec.InitContainers[i]
		}
	}
	for i := range w.pod.Spec.Containers {
		if w.pod.Spec.Containers[i].Name == container {
			return &w.pod.Spec.Containers[i]
		}
	}
	return &corev1.Container{Name: container}
}

// state of a container; never nil for one of the pod's.
func (w *worker) state(container string) *lifecycle.ContainerState {
	return w.machine.State.Containers[container]
}

// current is the run that a container is in, or was in last.
func (w *worker) current(container string) run {
	s := w.state(container)
	n := s.Runs
	if s.Phase != lifecycle.Starting && s.Phase != lifecycle.Waiting {
		n-- // Runs counts it already
	}
	return run{container, max(0, n)}
}

// start makes and starts the container's next run.
func (w *worker) start(ctx context.Context, container string) {
	r := run{container, w.state(container).Runs}
	ctx, cancel := context.WithCancel(ctx)
	w.starts[container] = cancel
	s := &starting{d: w.d, w: w, a: w.a, place: w.place, run: r, spec: w.spec(container), objects: w.objects, shim: w.shim, pause: w.pause.Pid}
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
	c := s.run.container
	delete(w.starts, c)
	if s.fetched && w.objects == nil {
		w.objects = s.objects
	}
	if err != nil {
		w.startFailed(c, err, cancelled)
		return
	}
	again := again(w.state(c).Last)
	w.runs(s.run, s.image.ID)
	pulled := events.Incident{Reason: "Pulled", Message: fmt.Sprintf("Container image %q already present on machine", s.spec.Image), Container: c}
	if s.pulled {
		pulled.Message = fmt.Sprintf("Successfully pulled image %q", s.spec.Image)
		w.tell(events.ImagePulled, nil, pulled)
	}
	started := events.Incident{Reason: "Started", Message: "Started container " + c + again, Container: c}
	created := events.Incident{Reason: "Created", Message: "Created container " + c, Container: c}
	incidents := []events.Incident{pulled, created, started}
	if again != "" { // the first one is the record's reason
		incidents = []events.Incident{started, pulled, created}
	}
	if s.pulled {
		incidents = slices.DeleteFunc(incidents, func(i events.Incident) bool { return i == pulled })
	}
	if s.image.Config.StopSignal != "" {
		w.signals[c] = s.image.Config.StopSignal
	}
	w.tell(events.ContainerStarted, nil, incidents...)
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

// runs tells the machine that a run has started.
func (w *worker) runs(r run, image string) {
	w.handle(lifecycle.Event{What: lifecycle.Started, Container: r.container, ID: w.place.id(r), Image: image})
}

func (w *worker) startFailed(c string, err error, cancelled bool) {
	f := asFailure(err, "RunContainerError", events.ContainerBackOff)
	if cancelled {
		f = &failure{"Cancelled", events.PodReported, errors.New("the pod is going")}
	}
	w.handle(lifecycle.Event{What: lifecycle.StartFailed, Container: c, Reason: f.reason, Message: f.Error()})
	if cancelled {
		return
	}
	if f.reason == "FailedMount" || f.reason == "CreateContainerConfigError" {
		w.objects = nil // what was missing may be there when it is fetched anew
	}
	w.log.Warn("container does not start", "container", c, "reason", f.reason, "err", f.err)
	w.tell(f.report, nil, events.Incident{Reason: incidentOf(f.reason), Message: f.Error(), Container: c, Warning: true})
}

// incidentOf names the row of `kubectl get events` for a reason.
func incidentOf(reason string) string {
	switch reason {
	case images.ReasonErrImagePull, images.ReasonErrImageNeverPull, images.ReasonInvalidImageName, "RunContainerError", "CreateContainerConfigError":
		return "Failed"
	}
	return reason
}

// watch waits for the end of a run.
func (w *worker) watch(r run) {
	c, ctx := w.shim, w.d.ctx
	w.beside(func() {
		exit, err := c.Wait(ctx, w.place.id(r))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.post(w.shimGone)
			return
		}
		e := w.d.explainExit(w.place, r, exit)
		w.post(func() { w.exited(r, e) })
	})
}

// watchPause waits for the end of the pause process.
func (w *worker) watchPause() {
	c, ctx, p := w.shim, w.d.ctx, w.pause
	w.beside(func() {
		_, err := c.Wait(ctx, "")
		switch {
		case ctx.Err() != nil:
		case err != nil:
			w.post(w.shimGone)
		default:
			w.post(func() { w.pauseGone(p) })
		}
	})
}

func (w *worker) pauseGone(p pauseProcess) {
	if w.pause != p || w.machine.State.Sandbox != lifecycle.SandboxReady {
		return
	}
	w.handle(lifecycle.Event{What: lifecycle.SandboxGone})
	w.tell(events.SandboxFailed, nil, events.Incident{Reason: "SandboxChanged", Message: "The pause process ended: the pod's namespaces are made again", Warning: true})
}

// ended is the end of a run.
type ended struct {
	run  run
	exit lifecycle.Exit
}

// exited takes the end of a run in.
func (w *worker) exited(r run, e lifecycle.Exit) { w.exitedAll([]ended{{r, e}}) }

// exitedAll takes ends in that became known together: no report says that one
// of them still runs.
func (w *worker) exitedAll(all []ended) {
	var news []run
	for _, x := range all {
		c := x.run.container
		s := w.state(c)
		if s == nil || w.current(c) != x.run || !s.Alive() {
			continue
		}
		if cancel := w.probing[c]; cancel != nil {
			cancel()
			delete(w.probing, c)
		}
		w.handle(lifecycle.Event{What: lifecycle.HasExited, Container: c, Exit: &x.exit})
		news = append(news, x.run)
	}
	for _, r := range news {
		w.tell(events.ContainerExited, nil, exitIncidents(r.container, w.state(r.container))...)
	}
	w.save() // before the bundles, which hold the exits, go
	pl, d := w.place, w.d
	for _, r := range news {
		w.beside(func() { d.clean(context.WithoutCancel(d.ctx), pl, r) })
	}
}

// exitIncidents tells of an end: what Kubernetes would not say, and the
// back-off where there is one.
func exitIncidents(c string, s *lifecycle.ContainerState) []events.Incident {
	text := fmt.Sprintf("Container %s ended with code %d (%s)", c, s.Exit.Code, s.Exit.Reason)
	if s.Exit.Signal != 0 {
		text = fmt.Sprintf("Container %s was ended by signal %d, %s (%s)", c, s.Exit.Signal, unix.SignalName(unix.Signal(s.Exit.Signal)), s.Exit.Reason)
	}
	if !s.Exit.Known {
		text = fmt.Sprintf("Container %s ended while nobody watched: its exit code is unknown", c)
	}
	bad := !s.Exit.Known || s.Exit.Code != 0 && s.StopReason == ""
	out := []events.Incident{{Reason: "Exited", Message: text, Container: c, Warning: bad}}
	if s.Reason == lifecycle.BackOff {
		out = append(out, events.Incident{Reason: "BackOff", Message: "Back-off restarting failed container " + c + ": " + s.Message, Container: c, Warning: true})
	}
	return out
}

// shimGone takes in that nobody looks after the pod's processes: they are
// ended, with codes unknown, and the sandbox is made anew.
func (w *worker) shimGone() {
	if w.shim == nil {
		return
	}
	w.shim = nil
	w.log.Warn("the pod's shim is gone: ending its containers")
	d, pl, p, alive, ctx := w.d, w.place, w.pause, w.alive(), w.d.ctx
	w.beside(func() {
		d.killPod(ctx, pl, p)
		if ctx.Err() == nil {
			w.post(func() { w.lost(alive) })
		}
	})
}

// alive lists the runs that have a process.
func (w *worker) alive() []run {
	var out []run
	for name, s := range w.machine.State.Containers {
		if s.Phase == lifecycle.Running || s.Phase == lifecycle.Stopping {
			out = append(out, w.current(name))
		}
	}
	return out
}

// lost takes in, in one step so that nothing is started in between, that the
// sandbox and what ran in it is gone.
func (w *worker) lost(alive []run) {
	w.handle(lifecycle.Event{What: lifecycle.SandboxGone})
	var all []ended
	for _, r := range alive {
		all = append(all, ended{r, w.d.exitLeft(w.place, r)})
	}
	w.exitedAll(all)
}

// kill ends a container at once.
func (w *worker) kill(ctx context.Context, container string) {
	d, pl, r := w.d, w.place, w.current(container)
	w.beside(func() {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		if err := d.runtime.Kill(ctx, pl.id(r), unix.SIGKILL); err != nil && ctx.Err() == nil {
			w.log.Error("kill container", "container", container, "err", err)
		}
		d.killGroup(pl.group(r))
	})
}

func exitOf(e protocol.Exit) lifecycle.Exit {
	return lifecycle.Exit{Known: e.Known, Code: e.Code, Signal: e.Signal, Reason: e.Reason, Finished: e.At}
}
