package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// adopt takes on the pods that an earlier daemon left: their containers run.
func (d *Daemon) adopt() error {
	uids, err := d.cfg.Runtime.Pods()
	if err != nil {
		return err
	}
	for _, uid := range uids {
		n, err := loadNotes(d.cfg.Runtime.Pod(runtime.ID{UID: uid}), uid)
		if err != nil {
			// Too little is known to go on with it: take what is there away.
			d.cfg.Log.Error("pod of an earlier daemon cannot be read: removing what is left of it", "err", err)
			d.discard(d.ctx, uid)
			continue
		}
		w := d.newWorker(n.Assignment, n.Offset)
		w.resume(n)
		d.mu.Lock()
		d.startWorker(w)
		d.mu.Unlock()
	}
	return nil
}

// discard removes a pod of which nothing but its uid is known.
func (d *Daemon) discard(ctx context.Context, uid string) {
	pod := d.cfg.Runtime.Pod(runtime.ID{UID: uid})
	if err := errors.Join(pod.End(ctx, runtime.Sandbox{}, runtime.KeepNothing), pod.Forget()); err != nil {
		d.cfg.Log.Error("remove what is left of a pod", "uid", uid, "err", err)
	}
}

// resume sets w to where the earlier daemon was, and compares with what runs.
// The worker has not started yet.
func (w *worker) resume(n notes) {
	w.recall(n)
	if n.State.Removed {
		return // its end is reported again
	}
	if n.State.Ending {
		w.log.Info("the cell was ended and is up again: the pod goes on")
		w.handle(lifecycle.Event{What: lifecycle.CellBegan})
	}
	if s := w.machine.State.Sandbox; s == lifecycle.SandboxNone || s == lifecycle.SandboxEnded {
		return
	}
	// A daemon that ends just now must not take the shim for dead.
	ctx := context.WithoutCancel(w.d.ctx)
	runs := w.inPhase(lifecycle.Starting, lifecycle.Running, lifecycle.Stopping)
	found, err := w.pod.Find(ctx, runs)
	if err != nil {
		w.log.Warn("the pod's shim did not outlive the earlier daemon", "err", err)
		w.resumeLost(ctx)
		return
	}
	w.attended = true
	w.compare(runs, found)
	w.log.Info("pod adopted", "containers", len(runs))
}

// inPhase lists the runs in one of these phases, in the order of the pod's
// spec.
func (w *worker) inPhase(phases ...lifecycle.Phase) []runtime.Run {
	var out []runtime.Run
	for _, c := range slices.Concat(w.machine.Spec.Init, w.machine.Spec.Main) {
		if slices.Contains(phases, w.state(c.Name).Phase) {
			out = append(out, w.current(c.Name))
		}
	}
	return out
}

// killTimeout is how long a new daemon waits for what it kills to end.
const killTimeout = 5 * time.Second

// resumeLost takes in that the sandbox is gone: after a restart of the machine,
// mostly. It is known before the first report: none calls the pod ready.
func (w *worker) resumeLost(ctx context.Context) {
	ctx, cancel := w.d.timeout(ctx, killTimeout)
	defer cancel()
	for _, r := range w.inPhase(lifecycle.Starting) {
		w.unstart(r.Container)
	}
	alive := w.alive()
	w.lost(alive, w.pod.Kill(ctx, w.sandbox, alive))
}

// compare brings the machine up to what runs. What ended is taken in before
// anything is reported.
func (w *worker) compare(runs []runtime.Run, found runtime.Found) {
	if found.Sandbox.Pid != 0 {
		if w.sandbox.Pid != found.Sandbox.Pid { // made, and not noted yet
			w.sandbox = found.Sandbox
		}
		if found.Exit == nil {
			w.watchSandbox()
		} else {
			w.sandboxGone(w.sandbox)
		}
	}
	var over []ended
	for _, r := range runs {
		p, phase := found.Runs[r], w.state(r.Container).Phase
		switch {
		case phase == lifecycle.Starting:
			w.resumeStart(r, p)
		case p.Exit != nil:
			over = append(over, ended{r, *p.Exit})
		default:
			w.resumeRun(r, phase)
		}
	}
	if len(over) > 0 {
		w.exited(over)
	}
}

func (w *worker) resumeRun(r runtime.Run, phase lifecycle.Phase) {
	w.watch(r)
	if phase == lifecycle.Running {
		w.beside(func() {
			w.post(func() {
				ctx, cancel := context.WithCancel(w.d.ctx)
				w.probing[r.Container] = cancel
				w.probe(ctx, r)
			})
		})
		return
	}
	sig := w.stopSignal(r.Container)
	w.beside(func() { w.signal(w.d.ctx, r, sig) })
}

// resumeStart decides about a run that was being started: it counts as started
// if its process ran, else it is started anew.
func (w *worker) resumeStart(r runtime.Run, p runtime.Process) {
	if !p.Began {
		w.unstart(r.Container) // start cleans up before it begins
		return
	}
	w.runs(r, p.Image)
	w.watch(r)
	w.beside(func() { w.post(func() { w.afterStart(r) }) })
}

// unstart puts a container back to before its start began.
func (w *worker) unstart(container string) {
	s := w.state(container)
	s.Phase = lifecycle.Waiting
	if s.Exit == nil && s.Last != nil && s.Runs > 0 {
		s.Phase, s.Exit, s.Last = lifecycle.Exited, s.Last, nil
	}
}
