package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/lifecycle"
	"cairn/nodes/shim"
	"cairn/nodes/volumes"
)

const (
	// spare is what Shutdown keeps of its time for killing and clearing away.
	spare = 2 * time.Second
	// hearTimeout is how long it waits for a server to take the last reports.
	hearTimeout = 5 * time.Second
)

// Shutdown is the end of the cell on this node: every container gets its
// preStop hook, its stop signal and its grace period, as far as ctx's deadline
// allows; a server that still answers is told of it; then all that the node
// made of the kernel is taken away: processes, mounts, namespaces, cgroups. The
// pods stay assigned; what they wrote to emptyDir volumes, their logs and the
// images stay on disk, and so does that this end was wanted: the next daemon
// starts the containers at once. Call it while Run does not run: after it
// returned, or in its place. Without a Server nothing is reported.
func (d *Daemon) Shutdown(ctx context.Context) error {
	err := d.endPods(ctx)
	dirs, rerr := os.ReadDir(filepath.Join(d.cfg.DataDir, "pods"))
	if rerr != nil {
		return errors.Join(err, fmt.Errorf("look for pods: %w", rerr))
	}
	errs := make([]error, len(dirs))
	var all sync.WaitGroup
	for i, e := range dirs {
		all.Go(func() { errs[i] = d.clearPod(filepath.Join(d.cfg.DataDir, "pods", e.Name())) })
	}
	all.Wait()
	err = errors.Join(err, errors.Join(errs...))
	d.killGroup(d.cfg.CgroupParent + "/shims") // of pods that left no trace
	err = errors.Join(err, d.cgroups.Remove(d.cfg.CgroupParent))
	d.cgroups.RemoveIfEmpty(filepath.Dir(d.cfg.CgroupParent))
	if exists(d.cfg.RunDir) {
		err = errors.Join(err, volumes.UnmountBelow(d.cfg.RunDir))
	}
	return err
}

// endPods has workers end their pods, as they end a deleted one, and say so;
// it returns when they have, or shortly before ctx ends.
func (d *Daemon) endPods(ctx context.Context) error {
	limit := 24 * time.Hour
	if t, ok := ctx.Deadline(); ok {
		limit = max(0, time.Until(t)-spare)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { cancel(); d.running.Wait() }()
	d.mu.Lock()
	d.ctx, d.gate = work, make(chan struct{}) // shut: nothing is to be started
	heard := d.registered
	d.mu.Unlock()
	if err := d.adopt(); err != nil {
		return err
	}
	d.mu.Lock()
	workers := slices.Collect(maps.Values(d.workers))
	d.mu.Unlock()
	for _, w := range workers {
		w.ask(func() { w.endWithCell(limit) })
	}
	d.openGate()
	if !heard && len(workers) > 0 && d.cfg.Server != nil {
		heard = d.introduce(ctx)
	}
	until, stop := context.WithTimeout(ctx, limit+spare/2)
	defer stop()
	for _, w := range workers {
		select {
		case <-w.rested:
		case <-w.ended:
		case <-until.Done():
			w.log.Warn("the pod does not end in time: what is left of it is killed")
		}
	}
	if heard {
		d.awaitAnswers(ctx, workers)
	}
	return nil
}

// awaitAnswers waits until a server has taken every report, or does not.
func (d *Daemon) awaitAnswers(ctx context.Context, workers []*worker) {
	ctx, cancel := context.WithTimeout(ctx, hearTimeout)
	defer cancel()
	for _, w := range workers {
		for !w.reports.idle() && pause(ctx, 5*time.Millisecond) {
		}
		if !w.reports.idle() {
			w.log.Warn("no server heard how the pod ended: it is told when the cell is up again")
		}
	}
}

// introduce registers a daemon that never ran, so that its reports are heard;
// one try.
func (d *Daemon) introduce(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, hearTimeout)
	defer cancel()
	r, err := d.cfg.Server.Register(ctx, d.cfg.Info)
	if err != nil {
		d.cfg.Log.Warn("no server hears of the cell's end", "err", err)
		return false
	}
	d.mu.Lock()
	d.registration, d.registered = r, true
	d.mu.Unlock()
	return true
}

// endWithCell has the pod end, and nothing of it be started any more.
func (w *worker) endWithCell(limit time.Duration) {
	w.handle(lifecycle.Event{What: lifecycle.CellEnds, Grace: limit})
	for _, cancel := range w.starts {
		cancel()
	}
}

// rest says that the cell's end was carried out, once.
func (w *worker) rest() {
	if w.machine == nil || !w.machine.Settled() {
		return
	}
	select {
	case <-w.rested:
	default:
		close(w.rested)
	}
}

// clearPod takes away all of a pod that is not to stay, whatever state its
// worker, if there was one, left it in.
func (d *Daemon) clearPod(dir string) error {
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
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	pl := w.place
	for _, r := range w.alive() {
		d.killGroup(pl.group(r))
	}
	d.awaitExits(ctx, w)
	for _, r := range pl.runs() {
		d.clean(ctx, pl, r)
	}
	err = (&shim.Client{Dir: pl.run}).Quit(ctx)
	if m.Pause.alive() {
		_ = unix.Kill(m.Pause.Pid, unix.SIGKILL)
	}
	d.killAll(ctx, pl)
	err = errors.Join(err, d.cgroups.Remove(pl.cgroup), w.detach(ctx, w.pod, w.a.Address),
		volumes.UnmountBelow(pl.run), volumes.UnmountBelow(pl.data), os.RemoveAll(pl.run))
	w.save()
	return err
}

// awaitExits waits until the shim has written how what was killed ended, and
// takes that in.
func (d *Daemon) awaitExits(ctx context.Context, w *worker) {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	c := &shim.Client{Dir: w.place.run}
	for _, r := range w.alive() {
		_, _ = c.Wait(ctx, w.place.id(r)) // whatever it says, the file says it too
		e := d.exitLeft(w.place, r)
		w.state(r.container).StopReason = lifecycle.StopCell
		w.handle(lifecycle.Event{What: lifecycle.HasExited, Container: r.container, Exit: &e})
	}
	if !w.machine.State.Removed {
		w.handle(lifecycle.Event{What: lifecycle.CellEnded})
	}
}
