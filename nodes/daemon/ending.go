package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// stop asks a container to end: its preStop hook, then its stop signal. The
// machine kills it when the grace period is over.
func (w *worker) stop(ctx context.Context, a lifecycle.Action) {
	r := w.current(a.Container)
	hooks, sig := w.container(a.Container).Lifecycle, w.stopSignal(a.Container)
	w.report(events.ContainerKilled, nil, events.Incident{Reason: "Killing", Message: w.why(a), Container: a.Container})
	t := w.target(r)
	w.beside(func() {
		if hooks != nil && hooks.PreStop != nil && a.Grace > 0 {
			limited, cancel := w.d.timeout(ctx, a.Grace)
			if err := t.hook(limited, hooks.PreStop); err != nil && ctx.Err() == nil {
				w.log.Warn("preStop hook failed", "container", a.Container, "err", err)
				w.post(func() {
					w.report(events.PodReported, nil, events.Incident{Reason: "FailedPreStopHook", Message: "PreStopHook failed: " + err.Error(), Container: a.Container, Warning: true})
				})
			}
			cancel()
		}
		if ctx.Err() == nil {
			w.signal(ctx, r, sig)
		}
	})
}

// kill ends a container at once.
func (w *worker) kill(ctx context.Context, container string) {
	r := w.current(container)
	w.beside(func() { w.signal(ctx, r, unix.SIGKILL) })
}

func (w *worker) signal(ctx context.Context, r runtime.Run, sig syscall.Signal) {
	if err := w.pod.Signal(ctx, r, sig); err != nil && ctx.Err() == nil {
		w.log.Error("send container a signal", "container", r.Container, "signal", sig, "err", err)
	}
}

// why says in words for what reason a container is stopped.
func (w *worker) why(a lifecycle.Action) string {
	text := "Stopping container " + a.Container
	switch {
	case a.Reason == lifecycle.StopUnhealthy:
		return "Container " + a.Container + " failed its probe, will be restarted"
	case a.Reason == lifecycle.StopDeleted && w.a.Why != "":
		return text + ": " + w.a.Why
	case a.Reason == lifecycle.StopPodEnded:
		return text + ": the pod has ended"
	case a.Reason == lifecycle.StopLost:
		return text + ": its sandbox is gone"
	case a.Reason == lifecycle.StopCell:
		return text + ": the cell is ended"
	case a.Reason == lifecycle.StopChanged:
		return "Container " + a.Container + " has another image now, will be restarted"
	}
	return text
}

func (w *worker) stopSignal(container string) syscall.Signal {
	name := w.signals[container]
	if l := w.container(container).Lifecycle; l != nil && l.StopSignal != nil {
		name = string(*l.StopSignal)
	}
	if n := unix.SignalNum(name); n != 0 {
		return n
	}
	if n := unix.SignalNum("SIG" + name); n != 0 {
		return n
	}
	var n int
	if _, err := fmt.Sscanf(name, "%d", &n); err == nil && n > 0 && n < 65 {
		return syscall.Signal(n)
	}
	return syscall.SIGTERM
}

// endSandbox ends the sandbox of a pod that has ended, of which the logs stay
// until it is deleted; or of one that ends with its cell, whose data stay too.
func (w *worker) endSandbox(ctx context.Context) {
	keep, ending := runtime.KeepLogs, w.machine.State.Ending
	if ending && !w.machine.Ended() {
		keep = runtime.KeepData
	}
	// Nothing asks for it again when the cell ends: it is carried through.
	if ending {
		ctx = context.WithoutCancel(ctx)
	}
	w.end(ctx, keep, func(err error) {
		if err != nil {
			w.log.Error("end the pod's sandbox", "err", err)
		}
		if err != nil && !ending {
			w.handle(lifecycle.Event{What: lifecycle.RemoveFailed, Message: err.Error()})
			return
		}
		w.handle(lifecycle.Event{What: lifecycle.SandboxStopped})
	})
}

// remove takes away all that there is of the pod.
func (w *worker) remove(ctx context.Context) {
	w.end(ctx, runtime.KeepNothing, func(err error) {
		if err != nil {
			w.log.Error("remove pod: trying again", "err", err)
			w.handle(lifecycle.Event{What: lifecycle.RemoveFailed, Message: err.Error()})
			return
		}
		w.handle(lifecycle.Event{What: lifecycle.Removed})
	})
}

// end takes sandbox and address away, and then calls done on the worker.
func (w *worker) end(ctx context.Context, keep runtime.Keep, done func(error)) {
	s, addr := w.sandbox, w.attached
	w.attended = false
	w.beside(func() {
		err := w.pod.End(ctx, s, keep)
		if err == nil {
			err = w.d.detach(ctx, addr)
		}
		if ctx.Err() != nil {
			return
		}
		w.post(func() {
			if err == nil {
				// Never again: the address may be another pod's by then.
				w.sandbox, w.attached = runtime.Sandbox{}, ""
			}
			done(err)
		})
	})
}

func (d *Daemon) detach(ctx context.Context, address string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil || d.cfg.Network == nil {
		return nil // it had none
	}
	if err := d.cfg.Network.Detach(ctx, addr); err != nil {
		return fmt.Errorf("take address %s back: %w", addr, err)
	}
	return nil
}

// reportRemoved reports that the sandbox has ended, until a server has taken
// that in: a report that named an older registration than this daemon has by
// now was not.
func (w *worker) reportRemoved() {
	w.report(events.SandboxRemoved, func(a feed.ReportAnswer, named events.Offset) {
		w.post(func() {
			what := lifecycle.Heard
			if reg, _ := w.d.known(); !a.Accepted && named != reg.Offset {
				what = lifecycle.Unheard
			}
			w.handle(lifecycle.Event{What: what})
		})
	})
}
