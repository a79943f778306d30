package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/shim"
)

// worker looks after one pod. Its fields belong to the goroutine of loop; what
// runs beside it posts functions that loop runs one after the other.
type worker struct {
	d       *Daemon
	log     *slog.Logger
	inbox   chan func()
	ended   chan struct{} // closed when loop has returned
	reports *reports
	place   place

	a       feed.Assignment
	offset  events.Offset // of a
	gone    bool          // no longer assigned to this node
	unknown bool          // to be removed before its spec was fetched
	objects *objects      // nil until fetched by this daemon
	pod     *corev1.Pod   // never changed, only replaced; nil until known
	machine *lifecycle.Machine
	started time.Time // when this node took it on
	pause   pauseProcess
	shim    *shim.Client
	signals map[string]string // what stops a container, if not SIGTERM

	fetching  bool
	notBefore time.Time                     // of the next refetch
	fetched   string                        // digest and address that pod is of
	refreshAt time.Time                     // when its volumes' objects are fetched anew
	starts    map[string]context.CancelFunc // starts under way
	probing   map[string]context.CancelFunc
	status    *corev1.PodStatus // last reported
	restate   bool              // report the status though nothing changed
	written   []byte            // last memo
	noted     map[string]time.Time
	answered  bool // the end of the sandbox was reported, and heard

	mounting sync.Mutex    // held while volumes are prepared
	rested   chan struct{} // closed when the cell's end was carried out
}

// newWorker makes a worker that does nothing yet.
func (d *Daemon) newWorker(a feed.Assignment, o events.Offset) *worker {
	return &worker{
		d: d, log: d.cfg.Log.With("pod", a.Namespace+"/"+a.Name, "uid", a.UID),
		inbox: make(chan func(), 64), ended: make(chan struct{}), reports: newReports(d), place: d.place(a),
		a: a, offset: o, started: time.Now(), notBefore: time.Now(), signals: map[string]string{},
		starts: map[string]context.CancelFunc{}, probing: map[string]context.CancelFunc{}, noted: map[string]time.Time{}, rested: make(chan struct{}),
	}
}

// startWorker runs w until the pod is gone or the daemon ends; d.mu is held.
func (d *Daemon) startWorker(w *worker) {
	d.workers[w.a.UID] = w
	ctx, cancel := context.WithCancel(d.ctx)
	d.running.Go(func() { w.reports.run(ctx) })
	d.running.Go(func() {
		defer cancel()
		w.loop(ctx)
		d.mu.Lock()
		delete(d.workers, w.place.uid)
		d.mu.Unlock()
		close(w.ended)
	})
}

func (w *worker) name() string { return w.a.Namespace + "/" + w.a.Name }

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
			acts, wake = w.machine.Next(time.Now())
			w.save()
			for _, a := range acts {
				w.act(ctx, a)
			}
		}
		if gate == nil && w.machine == nil {
			w.learn(ctx)
		}
		if due, rev := w.fetchDue(); gate == nil && !due.IsZero() {
			if time.Now().After(due) {
				w.refetch(ctx, rev)
			} else if wake.IsZero() || due.Before(wake) {
				wake = due
			}
		}
		if w.answered {
			w.forget()
			return
		}
		if gate == nil || w.machine == nil || !w.machine.State.Ending { // else its end is told first
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
		t := time.NewTimer(max(0, time.Until(wake)))
		defer t.Stop()
		timer = t.C
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
		if a.Digest != w.a.Digest || a.Address != w.a.Address {
			w.notBefore = time.Now() // news, whatever came of the last fetch
		}
		w.a = *a
	}
	w.applyDeletion()
}

// forceGrace is what a pod gets that was taken away without a grace period.
const forceGrace = time.Second

func (w *worker) applyDeletion() {
	if !w.gone && w.a.Deleting == 0 {
		return
	}
	if w.machine == nil { // nothing of it was made: nothing needs to be known
		w.machine, w.unknown = lifecycle.New(lifecycle.Spec{}), true
		w.pod = &corev1.Pod{}
		w.d.settle(w.pod, w.a)
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

func (w *worker) handle(e lifecycle.Event) { w.machine.Handle(e, time.Now()) }

func (w *worker) statusNow(now time.Time) *corev1.PodStatus {
	p := lifecycle.Place{HostIP: w.d.hostIP(), PodIP: w.pod.Status.PodIP, Started: w.started}
	return w.machine.Status(w.pod, p, w.status, now)
}

// statusChanged reports the status where no other report has told it. A pod of
// which nothing was done yet has none worth a record.
func (w *worker) statusChanged() {
	if w.machine == nil || w.machine.State.Removed || w.status == nil && !w.restate {
		return
	}
	if w.restate || !equality.Semantic.DeepEqual(w.statusNow(time.Now()), w.status) {
		w.restate = false
		w.tell(events.PodReported, nil)
	}
}

// refreshStatus reports the status anew: the cell may have missed something.
func (w *worker) refreshStatus() {
	if w.machine != nil && w.machine.State.Removed {
		w.removed()
		return
	}
	w.restate = w.status != nil && !w.reports.fresh()
}

// save writes down what a new daemon must know, if it changed.
func (w *worker) save() {
	if w.machine == nil {
		return
	}
	b, err := json.Marshal(memo{
		Assignment: w.a, Offset: w.offset, Gone: w.gone, Pod: w.pod, State: w.machine.State,
		Started: w.started, Pause: w.pause, StopSignals: w.signals, Status: w.status,
	})
	if err == nil && !bytes.Equal(b, w.written) {
		err = writeMemo(w.place.data, b)
		w.written = b
	}
	if err != nil {
		w.log.Error("write down the pod's state: a restart of the daemon would not know it", "err", err)
	}
}

// forget drops the last trace of a pod whose end was reported and heard.
func (w *worker) forget() {
	if err := os.RemoveAll(w.place.data); err != nil {
		w.log.Error("remove the pod's directory", "err", err)
	}
}
