package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/lifecycle"
	"cairn/nodes/shim"
	"cairn/nodes/volumes"
)

// Shutdown ends every pod of this node and takes away what it made of the
// kernel: processes, mounts, namespaces, cgroups. The pods stay assigned, and
// what they wrote to emptyDir volumes, their logs and the images stay on disk:
// the next daemon starts them again. Call it while no daemon runs. preStop
// hooks are not run; each container gets its stop signal and its grace period,
// until ctx ends.
func (d *Daemon) Shutdown(ctx context.Context) error {
	dirs, err := os.ReadDir(filepath.Join(d.cfg.DataDir, "pods"))
	if err != nil {
		return fmt.Errorf("look for pods: %w", err)
	}
	d.mu.Lock()
	d.ctx = context.WithoutCancel(ctx)
	d.mu.Unlock()
	errs := make([]error, len(dirs))
	var all sync.WaitGroup
	for i, e := range dirs {
		all.Go(func() { errs[i] = d.shutdownPod(ctx, filepath.Join(d.cfg.DataDir, "pods", e.Name())) })
	}
	all.Wait()
	err = errors.Join(errs...)
	d.killGroup(d.cfg.CgroupParent + "/shims") // of pods that left no trace
	err = errors.Join(err, d.cgroups.Remove(d.cfg.CgroupParent))
	d.cgroups.RemoveIfEmpty(filepath.Dir(d.cfg.CgroupParent))
	if exists(d.cfg.RunDir) {
		err = errors.Join(err, volumes.UnmountBelow(d.cfg.RunDir))
	}
	return err
}

func (d *Daemon) shutdownPod(ctx context.Context, dir string) error {
	m, err := readMemo(dir)
	if err != nil {
		d.discard(filepath.Base(dir))
		return err
	}
	w := d.newWorker(m.Assignment, m.Offset)
	w.pod, w.machine, w.started, w.gone = m.Pod, lifecycle.Resume(lifecycle.Of(m.Pod), m.State), m.Started, m.Gone
	if m.StopSignals != nil {
		w.signals = m.StopSignals
	}
	w.status, w.pause = m.Status, m.Pause
	d.endContainers(ctx, w)
	for _, s := range w.machine.State.Containers {
		s.Retry, s.Crashes = time.Time{}, 0
	}
	pl := w.place
	ctx = context.WithoutCancel(ctx)
	for _, r := range pl.runs() {
		d.clean(ctx, pl, r)
	}
	err = (&shim.Client{Dir: pl.run}).Quit(ctx)
	if m.Pause.alive() {
		_ = unix.Kill(m.Pause.Pid, unix.SIGKILL)
	}
	d.killAll(ctx, pl)
	err = errors.Join(err, d.cgroups.Remove(pl.cgroup))
	if d.cfg.Network != nil {
		err = errors.Join(err, w.detach(ctx, w.pod, w.a.Address))
	}
	err = errors.Join(err, volumes.UnmountBelow(pl.run), volumes.UnmountBelow(pl.data), os.RemoveAll(pl.run))
	if st := &w.machine.State; st.Sandbox != lifecycle.SandboxEnded {
		st.Sandbox = lifecycle.SandboxNone
	}
	w.save()
	return err
}

// endContainers asks every container of a pod to end, and waits for it as long
// as the pod allows.
func (d *Daemon) endContainers(ctx context.Context, w *worker) {
	ctx, cancel := context.WithTimeout(ctx, max(w.machine.Spec.Grace, time.Second))
	defer cancel()
	for name, s := range w.machine.State.Containers {
		if s.Alive() {
			if err := d.runtime.Kill(ctx, w.place.id(w.current(name)), w.stopSignal(name)); err != nil {
				w.log.Warn("ask container to end", "container", name, "err", err)
			}
		}
	}
	for name, s := range w.machine.State.Containers {
		if !s.Alive() {
			continue
		}
		r := w.current(name)
		for s.Phase != lifecycle.Starting && !exists(filepath.Join(w.place.bundle(r), "exit.json")) && pause(ctx, 10*time.Millisecond) {
		}
		if s.Phase == lifecycle.Starting {
			s.Phase = lifecycle.Waiting
			continue
		}
		e := d.exitLeft(w.place, r)
		if !e.Known {
			e.Reason, e.Message = "NodeShutdown", "Ended with its node"
		}
		w.handle(lifecycle.Event{What: lifecycle.HasExited, Container: name, Exit: &e})
	}
}
