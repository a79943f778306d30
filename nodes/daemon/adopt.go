package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
)

// adopt takes on the pods that an earlier daemon left: their containers run.
func (d *Daemon) adopt() error {
	dirs, err := os.ReadDir(filepath.Join(d.cfg.DataDir, "pods"))
	if err != nil {
		return fmt.Errorf("look for pods of an earlier daemon: %w", err)
	}
	for _, e := range dirs {
		dir := filepath.Join(d.cfg.DataDir, "pods", e.Name())
		m, err := readMemo(dir)
		if err != nil {
			// Too little is known to go on with it: take what is there away.
			d.cfg.Log.Error("pod of an earlier daemon cannot be read: removing what is left of it", "err", err)
			d.discard(e.Name())
			continue
		}
		w := d.newWorker(m.Assignment, m.Offset)
		w.resume(m)
		d.mu.Lock()
		d.startWorker(w)
		d.mu.Unlock()
	}
	return nil
}

// discard removes a pod of which nothing but its uid is known.
func (d *Daemon) discard(uid string) {
	pl := d.place(feed.Assignment{UID: uid})
	err := d.removePod(d.ctx, pl, &shim.Client{Dir: pl.run}, pauseProcess{})
	if err = errors.Join(err, os.RemoveAll(pl.data)); err != nil {
		d.cfg.Log.Error("remove what is left of a pod", "uid", uid, "err", err)
	}
}

// resume sets w to where the earlier daemon was, and compares with what runs.
// The worker has not started yet.
func (w *worker) resume(m memo) {
	w.a, w.offset, w.gone, w.pod, w.started, w.pause = m.Assignment, m.Offset, m.Gone, m.Pod, m.Started, m.Pause
	w.fetched, w.status = version(m.Assignment), m.Status
	if m.StopSignals != nil {
		w.signals = m.StopSignals
	}
	w.machine = lifecycle.Resume(lifecycle.Of(w.pod), m.State)
	if m.State.Removed {
		return // its end is reported again after registration
	}
	if m.State.Ending {
		w.log.Info("the cell was ended and is up again: the pod goes on")
		w.handle(lifecycle.Event{What: lifecycle.CellBegan})
	}
	if s := w.machine.State.Sandbox; s == lifecycle.SandboxNone || s == lifecycle.SandboxEnded {
		return
	}
	// A daemon that ends just now must not take the shim for dead.
	ctx := context.WithoutCancel(w.d.ctx)
	c, st, err := shim.Connect(ctx, w.place.run)
	if err != nil {
		w.log.Warn("the pod's shim did not outlive the earlier daemon", "err", err)
		w.resumeLost(ctx)
		return
	}
	w.shim = c
	w.compare(st)
	w.log.Info("pod adopted", "processes", len(st.Processes))
}

// killTimeout is how long a new daemon waits for what it kills to end.
const killTimeout = 5 * time.Second

// resumeLost takes in that the sandbox is gone: after a restart of the machine,
// mostly. It is known before the first report: none calls the pod ready.
func (w *worker) resumeLost(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	w.d.killPod(ctx, w.place, w.pause)
	for name, s := range w.machine.State.Containers {
		if s.Phase == lifecycle.Starting {
			w.unstart(name)
		}
	}
	w.lost(w.alive())
}

// compare brings the machine up to what the shim says of the processes. What
// ended is taken in before anything is reported.
func (w *worker) compare(st *protocol.State) {
	procs := map[string]protocol.Process{}
	for _, p := range st.Processes {
		procs[p.ID] = p
	}
	if p, ok := procs[""]; ok {
		if w.pause.Pid != p.Pid { // made, and not written down yet
			w.pause = pauseProcess{Pid: p.Pid}
			w.pause.Ticks, _ = startTicks(p.Pid)
		}
		if p.Exit == nil {
			w.watchPause()
		} else {
			w.pauseGone(w.pause)
		}
	}
	var over []ended
	for name, s := range w.machine.State.Containers {
		r := w.current(name)
		p, ok := procs[w.place.id(r)]
		switch {
		case s.Phase == lifecycle.Starting:
			w.resumeStart(r, p, ok)
		case s.Phase != lifecycle.Running && s.Phase != lifecycle.Stopping:
		case !ok:
			over = append(over, ended{r, w.d.exitLeft(w.place, r)})
		case p.Exit != nil:
			over = append(over, ended{r, w.d.explainExit(w.place, r, *p.Exit)})
		default:
			w.resumeRun(r, s.Phase)
		}
	}
	if len(over) > 0 {
		w.exitedAll(over)
	}
}

func (w *worker) resumeRun(r run, phase lifecycle.Phase) {
	w.watch(r)
	if phase == lifecycle.Running {
		w.beside(func() {
			w.post(func() {
				ctx, cancel := context.WithCancel(w.d.ctx)
				w.probing[r.container] = cancel
				w.probe(ctx, r)
			})
		})
		return
	}
	id, sig := w.place.id(r), w.stopSignal(r.container)
	w.beside(func() {
		if err := w.d.runtime.Kill(w.d.ctx, id, sig); err != nil && w.d.ctx.Err() == nil {
			w.log.Warn("ask container to end", "id", id, "err", err)
		}
	})
}

// resumeStart decides about a run that was being started: it counts as started
// if its process runs, else it is started anew.
func (w *worker) resumeStart(r run, p protocol.Process, known bool) {
	status, _, ok, err := w.d.runtime.State(context.WithoutCancel(w.d.ctx), w.place.id(r))
	if known && ok && err == nil && (status == "running" || p.Exit != nil) {
		img, _, _ := w.d.images.Get(w.spec(r.container).Image)
		w.runs(r, img.ID)
		w.watch(r)
		w.beside(func() { w.post(func() { w.afterStart(r) }) })
		return
	}
	if known && p.Exit == nil {
		_ = unix.Kill(p.Pid, unix.SIGKILL)
	}
	w.unstart(r.container)
}

// unstart puts a container back to before its start began.
func (w *worker) unstart(container string) {
	s := w.state(container)
	s.Phase = lifecycle.Waiting // start cleans up before it begins
	if s.Exit == nil && s.Last != nil && s.Runs > 0 {
		s.Phase, s.Exit, s.Last = lifecycle.Exited, s.Last, nil
	}
}
