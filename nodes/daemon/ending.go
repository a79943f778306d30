package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/images"
	"cairn/nodes/lifecycle"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
)

// stop asks a container to end: its preStop hook, then its stop signal. The
// machine kills it when the grace period is over.
func (w *worker) stop(ctx context.Context, a lifecycle.Action) {
	r := w.current(a.Container)
	spec, sig := w.spec(a.Container), w.stopSignal(a.Container)
	why := w.why(a)
	w.tell(events.ContainerKilled, nil, events.Incident{Reason: "Killing", Message: why, Container: a.Container})
	t := w.target(r)
	w.beside(func() {
		if h := spec.Lifecycle; h != nil && h.PreStop != nil && a.Grace > 0 {
			hook, cancel := context.WithTimeout(ctx, a.Grace)
			if err := t.hook(hook, h.PreStop); err != nil && ctx.Err() == nil {
				w.log.Warn("preStop hook failed", "container", a.Container, "err", err)
				w.post(func() {
					w.tell(events.PodReported, nil, events.Incident{Reason: "FailedPreStopHook", Message: "PreStopHook failed: " + err.Error(), Container: a.Container, Warning: true})
				})
			}
			cancel()
		}
		if ctx.Err() != nil {
			return
		}
		if err := w.d.runtime.Kill(ctx, w.place.id(r), sig); err != nil && ctx.Err() == nil {
			w.log.Error("ask container to end", "container", a.Container, "err", err)
		}
	})
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

func (w *worker) stopSignal(container string) unix.Signal {
	name := w.signals[container]
	if l := w.spec(container).Lifecycle; l != nil && l.StopSignal != nil {
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
		return unix.Signal(n)
	}
	return unix.SIGTERM
}

// explainExit adds to what the shim saw: the memory killer's work, and the
// container's last word.
func (d *Daemon) explainExit(p place, r run, e protocol.Exit) lifecycle.Exit {
	out := exitOf(e)
	if e.Signal == int(unix.SIGKILL) && d.cgroups.OOMKills(p.group(r)) > 0 {
		out.Reason = "OOMKilled"
	}
	if b, err := os.ReadFile(filepath.Join(p.bundle(r), lastWord)); err == nil {
		out.Message = string(bytes.TrimSpace(b[:min(len(b), 4096)]))
	}
	return out
}

// exitLeft is the end of a run that no shim answers for: its exit file, or
// that nobody knows.
func (d *Daemon) exitLeft(p place, r run) lifecycle.Exit {
	if e, err := shim.ReadExit(p.bundle(r)); err == nil {
		return d.explainExit(p, r, e)
	}
	return lifecycle.Exit{Reason: "ContainerStatusUnknown", Message: "The container ended while nobody watched", Finished: time.Now()}
}

// clean takes away all that is left of a run but its log.
func (d *Daemon) clean(ctx context.Context, p place, r run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	id := p.id(r)
	d.killGroup(p.group(r))
	err := d.runtime.Delete(ctx, id)
	if exists(p.run) {
		if c := (&shim.Client{Dir: p.run}); err == nil {
			if ferr := c.Forget(ctx, id); ferr != nil && !errors.Is(ferr, shim.ErrGone) {
				err = ferr
			}
		}
	}
	err = errors.Join(err, images.Unmount(p.rootfs(r)), d.cgroups.Remove(p.group(r)), os.RemoveAll(p.bundle(r)))
	if err != nil {
		d.cfg.Log.Error("clean up after a container", "id", id, "err", err)
	}
}

// killGroup kills every process of a cgroup.
func (d *Daemon) killGroup(group string) {
	for _, pid := range d.cgroups.Procs(group) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// killAll kills every process of a pod's containers, until none is left.
func (d *Daemon) killAll(ctx context.Context, p place) {
	for len(d.cgroups.Procs(p.cgroup)) > 0 {
		d.killGroup(p.cgroup)
		if !pause(ctx, 5*time.Millisecond) {
			return
		}
	}
}

// killPod ends all of a pod whose shim is gone.
func (d *Daemon) killPod(ctx context.Context, p place, pause pauseProcess) {
	d.killAll(ctx, p)
	if pause.alive() {
		_ = unix.Kill(pause.Pid, unix.SIGKILL)
	}
}

// endSandbox ends the pause process of a pod that has ended; what it wrote and
// said stays until it is deleted.
func (w *worker) endSandbox(ctx context.Context) {
	c, pod, a := w.shim, w.pod, w.a
	w.shim, w.pause = nil, pauseProcess{}
	w.beside(func() {
		if c != nil {
			if err := c.Quit(context.WithoutCancel(ctx)); err != nil {
				w.log.Error("end the pod's shim", "err", err)
			}
		}
		if err := w.detach(context.WithoutCancel(ctx), pod, a.Address); err != nil {
			w.log.Error("end the pod's sandbox", "err", err)
		}
		w.post(func() { w.handle(lifecycle.Event{What: lifecycle.SandboxStopped}) })
	})
}

// remove takes away all that there is of the pod, in an order in which what is
// left can always be found again.
func (w *worker) remove(ctx context.Context) {
	c, pod, a := w.shim, w.pod, w.a
	if c == nil {
		c = &shim.Client{Dir: w.place.run}
	}
	w.shim = nil
	p, pl := w.pause, w.place
	w.beside(func() {
		err := w.d.removePod(ctx, pl, c, p)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = w.detach(ctx, pod, a.Address)
		}
		w.post(func() {
			if err != nil {
				w.log.Error("remove pod: trying again", "err", err)
				w.handle(lifecycle.Event{What: lifecycle.RemoveFailed, Message: err.Error()})
				return
			}
			w.handle(lifecycle.Event{What: lifecycle.Removed})
			w.save()
			w.removed()
		})
	})
}

func (w *worker) detach(ctx context.Context, pod *corev1.Pod, address string) error {
	addr, ok := podAddr(pod, address)
	if !ok || w.d.cfg.Network == nil {
		return nil
	}
	if err := w.d.cfg.Network.Detach(ctx, addr); err != nil {
		return fmt.Errorf("take address %s back: %w", addr, err)
	}
	return nil
}

func (d *Daemon) removePod(ctx context.Context, pl place, c *shim.Client, p pauseProcess) error {
	for _, r := range pl.runs() {
		d.clean(ctx, pl, r)
	}
	// While the shim may live, its socket must stay: nothing else finds it.
	if err := c.Quit(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("end the pod's shim: %w", err)
	}
	if p.alive() {
		_ = unix.Kill(p.Pid, unix.SIGKILL)
	}
	d.killAll(ctx, pl)
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(d.cgroups.Remove(pl.cgroup), unmountAndRemove(pl))
}

// removed reports the end of the sandbox; once that is heard, the pod is
// forgotten.
func (w *worker) removed() {
	w.tell(events.SandboxRemoved, func(feedAnswer) { w.post(func() { w.answered = true }) })
}
