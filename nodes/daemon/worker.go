package daemon

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// worker looks after one pod. Its fields belong to the goroutine of loop; what
// runs beside it posts functions that loop runs one after the other.
type worker struct {
	d      *Daemon
	log    *slog.Logger
	inbox  chan func()
	ended  chan struct{} // closed when loop has returned
	outbox *outbox
	id     runtime.ID
	pod    runtime.Pod
	random *rand.ChaCha8

	a        feed.Assignment
	offset   events.Offset   // of a
	gone     bool            // no longer assigned to this node
	unknown  bool            // to be removed before its spec was fetched
	objects  *objects        // nil until fetched by this daemon
	asOf     events.Revision // of the config maps and secrets last used
	spec     *corev1.Pod     // never changed, only replaced; nil until known
	machine  *lifecycle.Machine
	started  time.Time // when this node took it on
	sandbox  runtime.Sandbox
	attended bool              // the processes' ends can be waited for
	attached string            // the address that its sandbox has, or may have
	signals  map[string]string // what stops a container, if not SIGTERM

	fetching  bool
	notBefore time.Time                     // of the next refetch
	fetched   string                        // digest and address that spec is of
	refreshAt time.Time                     // when its volumes' objects are fetched anew
	starts    map[string]context.CancelFunc // starts under way
	probing   map[string]context.CancelFunc
	status    *corev1.PodStatus // last reported
	restate   bool              // report the status though nothing changed
	written   []byte            // last notes
	noted     map[string]time.Time

	rested chan struct{} // closed when the cell's end was carried out
}

// newWorker makes a worker that does nothing yet.
func (d *Daemon) newWorker(a feed.Assignment, o events.Offset) *worker {
	id := runtime.ID{Namespace: a.Namespace, Name: a.Name, UID: a.UID}
	now := d.cfg.Clock.Now()
	return &worker{
		d: d, log: d.cfg.Log.With("pod", a.Namespace+"/"+a.Name, "uid", a.UID),
		inbox: make(chan func(), 64), ended: make(chan struct{}), outbox: newOutbox(d), id: id, pod: d.cfg.Runtime.Pod(id), random: d.random(a.UID),
		a: a, offset: o, started: now, notBefore: now, signals: map[string]string{},
		starts: map[string]context.CancelFunc{}, probing: map[string]context.CancelFunc{}, noted: map[string]time.Time{}, rested: make(chan struct{}),
	}
}

// startWorker runs w until the pod is gone or the daemon ends; d.mu is held.
func (d *Daemon) startWorker(w *worker) {
	d.workers[w.id.UID] = w
	ctx, cancel := context.WithCancel(d.ctx)
	d.running.Go(func() { w.outbox.run(ctx, w.id) })
	d.running.Go(func() {
		defer cancel()
		w.loop(ctx)
		d.mu.Lock()
		delete(d.workers, w.id.UID)
		d.mu.Unlock()
		close(w.ended)
	})
}

func (w *worker) name() string { return w.id.Namespace + "/" + w.id.Name }

func (w *worker) now() time.Time { return w.d.cfg.Clock.Now() }

// network is whose network the pod's containers have.
func (w *worker) network() runtime.Sandbox {
	if w.spec.Spec.HostNetwork {
		return runtime.Sandbox{}
	}
	return w.sandbox
}

// post gives f to the worker; nothing happens where it has ended.
func (w *worker) post(f func()) {
	select {
	case w.inbox <- f:
	case <-w.ended:
	case <-w.d.ctx.Done():
	}
}

// ask runs f on the worker and waits for it; false where it has ended.
func (w *worker) ask(f func()) bool {
	done := make(chan struct{})
	w.post(func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-w.ended:
	case <-w.d.ctx.Done():
	}
	return false
}

// beside runs f on a goroutine that the daemon waits for when it ends.
func (w *worker) beside(f func()) { w.d.running.Go(f) }

// loop is the pod's life: ask the machine what to do, do it, wait for news.
// Before the gate opens it only listens.
func (w *worker) loop(ctx context.Context) {
	gate := w.d.gate
	for {
		var wake time.Time
		if gate == nil && w.machine != nil {
			var acts []lifecycle.Action
			acts, wake = w.machine.Next(w.now())
			w.save()
			for _, a := range acts {
				w.act(ctx, a)
			}
		}
		if gate == nil && w.machine == nil {
			w.learn(ctx)
		}
		if due, rev := w.fetchDue(); gate == nil && !due.IsZero() {
			if !w.now().Before(due) {
				w.refetch(ctx, rev)
			} else if wake.IsZero() || due.Before(wake) {
				wake = due
			}
		}
		if w.machine != nil && w.machine.State.Removed && w.machine.State.Heard {
			w.forget()
			return
		}
		if gate == nil || w.machine == nil || !w.machine.State.Ending { // else its end is reported first
			w.statusChanged()
		}
		w.save()
		w.rest()
		if !w.await(ctx, &gate, wake) {
			return
		}
	}
}

// await waits for one piece of news, or for the machine's time; false when
// the daemon ends.
func (w *worker) await(ctx context.Context, gate *chan struct{}, wake time.Time) bool {
	var timer <-chan time.Time
	if !wake.IsZero() {
		t := w.d.cfg.Clock.NewTimer(max(0, wake.Sub(w.now())))
		defer t.Stop()
		timer = t.C()
	}
	select {
	case <-ctx.Done():
		return false
	case <-*gate:
		*gate = nil // a nil channel is never ready: this case is done with
	case <-timer:
	case f := <-w.inbox:
		f()
	}
	return true
}

// assigned takes an entry of the feed in; a nil assignment means that the pod
// does not belong here any more.
func (w *worker) assigned(a *feed.Assignment, o events.Offset) {
	w.offset = max(w.offset, o)
	if a == nil {
		w.gone = true
	} else {
		w.gone = false
		if version(*a) != version(w.a) {
			w.notBefore = w.now() // news, whatever came of the last fetch
		}
		w.a = *a
		w.checkOver()
	}
	w.applyDeletion()
}

// checkOver ends a pod that is over on record though this machine does not know
// it: one that has lost its notes, or has old ones, must not run it again.
func (w *worker) checkOver() {
	if w.machine == nil || w.machine.Ended() {
		return
	}
	phase := w.spec.Status.Phase
	if phase != corev1.PodSucceeded && phase != corev1.PodFailed {
		if !w.a.Finished {
			return
		}
		phase = corev1.PodFailed
	}
	w.handle(lifecycle.Event{What: lifecycle.WasOver, Reason: string(phase)})
}

// forceGrace is what a pod gets that was taken away without a grace period.
const forceGrace = time.Second

func (w *worker) applyDeletion() {
	if !w.gone && w.a.Deleting == 0 {
		return
	}
	if w.machine == nil { // nothing of it was made: nothing needs to be known
		w.machine, w.unknown = lifecycle.New(lifecycle.Spec{}), true
		w.spec = &corev1.Pod{}
		w.d.settle(w.spec, w.a)
	}
	grace := forceGrace
	if !w.gone {
		grace = time.Duration(w.a.Grace) * time.Second
	}
	w.handle(lifecycle.Event{What: lifecycle.Delete, Grace: grace})
	for _, cancel := range w.starts {
		cancel()
	}
}

func (w *worker) handle(e lifecycle.Event) { w.machine.Handle(e, w.now()) }

func (w *worker) statusNow(now time.Time) *corev1.PodStatus {
	if w.machine.State.Known != "" {
		return &w.spec.Status // as it is on record: this machine knows no better
	}
	host := lifecycle.Host{HostIP: w.d.hostIP(), PodIP: w.spec.Status.PodIP, Started: w.started}
	return w.machine.Status(w.spec, host, w.status, now)
}

// statusChanged reports the status where no other report has done so. A pod of
// which nothing was done yet has none worth a record, nor has one whose end is
// reported next.
func (w *worker) statusChanged() {
	if w.machine == nil || w.machine.State.Removed || w.machine.Closing() || w.status == nil && !w.restate {
		return
	}
	if w.restate || !equality.Semantic.DeepEqual(w.statusNow(w.now()), w.status) {
		w.restate = false
		w.report(events.PodReported, nil)
	}
}

// refreshStatus reports the status anew: the cell may have missed something.
// The end of a sandbox is reported until it is heard anyway, and nothing comes
// after it.
func (w *worker) refreshStatus() {
	over := w.machine != nil && (w.machine.State.Removed || w.machine.Ended() && w.machine.State.Sandbox == lifecycle.SandboxEnded)
	w.restate = !over && w.status != nil && !w.outbox.fresh()
}
