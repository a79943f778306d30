package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

const (
	// spare is what Shutdown keeps of its time for killing and clearing away.
	spare = 2 * time.Second
	// hearTimeout is how long it waits for a server to take the last reports.
	hearTimeout = 5 * time.Second
)

// Shutdown is the end of the cell on this node: every container gets its
// preStop hook, its stop signal and its grace period, as far as the limit
// allows; to a server that still answers it is reported; then all that the node
// made of the kernel is taken away: processes, mounts, namespaces, cgroups. The
// pods stay assigned; what they wrote to emptyDir volumes, their logs and the
// images stay on disk, and so does that this end was wanted: the next daemon
// starts the containers at once. Call it while Run does not run: after it
// returned, or in its place. Without a Server nothing is reported. A ctx that
// ends early gives all up.
func (d *Daemon) Shutdown(ctx context.Context, limit time.Duration) error {
	err := d.endPods(ctx, max(0, limit-spare))
	uids, lerr := d.cfg.Runtime.Pods()
	if lerr != nil {
		return errors.Join(err, lerr)
	}
	errs := make([]error, len(uids))
	var all sync.WaitGroup
	for i, uid := range uids {
		all.Go(func() { errs[i] = d.clearPod(ctx, uid) })
	}
	all.Wait()
	return errors.Join(err, errors.Join(errs...), d.cfg.Runtime.Clear())
}

// endPods has workers end their pods, as they end a deleted one, and report it;
// it returns when they have, or soon after the limit.
func (d *Daemon) endPods(ctx context.Context, limit time.Duration) error {
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
	until, stop := d.timeout(ctx, limit+spare/2)
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
	ctx, cancel := d.timeout(ctx, hearTimeout)
	defer cancel()
	for _, w := range workers {
		for !w.outbox.idle() && d.pause(ctx, 5*time.Millisecond) {
		}
		if !w.outbox.idle() {
			w.log.Warn("no server heard how the pod ended: it is reported when the cell is up again")
		}
	}
}

// introduce registers a daemon that never ran, so that its reports are heard;
// one try.
func (d *Daemon) introduce(ctx context.Context) bool {
	ctx, cancel := d.timeout(ctx, hearTimeout)
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

// clearTimeout bounds what is done to take one pod away.
const clearTimeout = time.Minute

// clearPod takes away all of a pod that is not to stay, whatever state its
// worker, if there was one, left it in.
func (d *Daemon) clearPod(ctx context.Context, uid string) error {
	n, err := loadNotes(d.cfg.Runtime.Pod(runtime.ID{UID: uid}), uid)
	if err != nil {
		d.discard(ctx, uid)
		return err
	}
	w := d.newWorker(n.Assignment, n.Offset)
	w.recall(n)
	ctx, cancel := d.timeout(ctx, clearTimeout)
	defer cancel()
	for r, e := range w.pod.Kill(ctx, w.sandbox, w.alive()) {
		w.state(r.Container).StopReason = lifecycle.StopCell
		w.handle(lifecycle.Event{What: lifecycle.HasExited, Container: r.Container, Exit: &e})
	}
	if !w.machine.State.Removed {
		w.handle(lifecycle.Event{What: lifecycle.CellEnded})
	}
	err = errors.Join(w.pod.End(ctx, w.sandbox, runtime.KeepData), d.detach(ctx, w.attached))
	if err == nil {
		w.sandbox, w.attached = runtime.Sandbox{}, ""
	}
	w.save()
	return err
}
