package daemon

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"cairn/events"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// watch waits for the end of a run.
func (w *worker) watch(r runtime.Run) {
	ctx, s := w.d.ctx, w.sandbox
	w.beside(func() {
		exit, err := w.pod.Wait(ctx, r)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			w.post(func() { w.unattended(s) })
		default:
			w.post(func() { w.exited([]ended{{r, exit}}) })
		}
	})
}

// watchSandbox waits for the end of the sandbox's first process.
func (w *worker) watchSandbox() {
	ctx, s := w.d.ctx, w.sandbox
	w.beside(func() {
		_, err := w.pod.Wait(ctx, runtime.Run{})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			w.post(func() { w.unattended(s) })
		default:
			w.post(func() { w.sandboxGone(s) })
		}
	})
}

func (w *worker) sandboxGone(s runtime.Sandbox) {
	if w.sandbox != s || w.machine.State.Sandbox != lifecycle.SandboxReady {
		return
	}
	w.handle(lifecycle.Event{What: lifecycle.SandboxGone})
	w.report(events.SandboxFailed, nil, events.Incident{Reason: "SandboxChanged", Message: "The pause process ended: the pod's namespaces are made again", Warning: true})
}

// ended is the end of a run.
type ended struct {
	run  runtime.Run
	exit lifecycle.Exit
}

// exited takes ends in that became known together: no report says that one of
// them still runs.
func (w *worker) exited(all []ended) {
	var news []runtime.Run
	for _, x := range all {
		c := x.run.Container
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
		w.report(events.ContainerExited, nil, exitIncidents(r.Container, w.state(r.Container))...)
	}
	w.save() // before the bundles, which hold the exits, go
	for _, r := range news {
		w.beside(func() {
			if err := w.pod.Clean(context.WithoutCancel(w.d.ctx), r); err != nil {
				w.log.Error("a container leaves something behind", "container", r.Container, "err", err)
			}
		})
	}
}

// exitIncidents describes an end: what Kubernetes would not say, and the
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

// unattended takes in that nobody looks after the sandbox's processes: they are
// ended, with codes unknown, and the sandbox is made anew.
func (w *worker) unattended(s runtime.Sandbox) {
	if !w.attended || w.sandbox != s {
		return
	}
	w.attended = false
	w.log.Warn("the pod's shim is gone: ending its containers")
	alive, ctx := w.alive(), w.d.ctx
	w.beside(func() {
		exits := w.pod.Kill(ctx, s, alive)
		if ctx.Err() == nil {
			w.post(func() { w.lost(alive, exits) })
		}
	})
}

// alive lists the runs that have a process, in the order of the pod's spec.
func (w *worker) alive() []runtime.Run { return w.inPhase(lifecycle.Running, lifecycle.Stopping) }

// lost takes in, in one step so that nothing is started in between, that the
// sandbox and what ran in it is gone.
func (w *worker) lost(alive []runtime.Run, exits map[runtime.Run]lifecycle.Exit) {
	w.handle(lifecycle.Event{What: lifecycle.SandboxGone})
	var all []ended
	for _, r := range alive {
		all = append(all, ended{r, exits[r]})
	}
	w.exited(all)
}
