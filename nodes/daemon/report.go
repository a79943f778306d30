package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
)

// reports is one pod's outbox.
//
// Invariant: reports leave in the order in which they were made, and one that
// was sent once is sent again with the same bytes until it is answered.
type reports struct {
	d *Daemon

	mu    sync.Mutex
	queue []*outgoing
	news  chan struct{} // of one place
}

type outgoing struct {
	r      feed.Report
	sent   bool
	answer func(feed.ReportAnswer) // may be nil
}

// most is how many reports wait for a server that is away; then plain status
// reports, which a later one replaces, are dropped first.
const most = 200

func newReports(d *Daemon) *reports { return &reports{d: d, news: make(chan struct{}, 1)} }

func (q *reports) add(o *outgoing) {
	q.mu.Lock()
	q.queue = append(q.queue, o)
	if len(q.queue) > most {
		for i, old := range q.queue[1:] {
			if old.r.Type == events.PodReported {
				q.queue = append(q.queue[:i+1], q.queue[i+2:]...)
				break
			}
		}
	}
	q.mu.Unlock()
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// fresh reports whether a report waits that was never sent: it will name the
// registration of then, and the newest status.
func (q *reports) fresh() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queue) > 0 && !q.queue[len(q.queue)-1].sent
}

// idle reports whether all was answered.
func (q *reports) idle() bool { return q.first() == nil }

func (q *reports) first() *outgoing {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return nil
	}
	return q.queue[0]
}

func (q *reports) drop() {
	q.mu.Lock()
	q.queue = q.queue[1:]
	q.mu.Unlock()
}

// run sends until ctx ends.
func (q *reports) run(ctx context.Context) {
	for {
		o := q.first()
		if o == nil {
			select {
			case <-ctx.Done():
				return
			case <-q.news:
			}
			continue
		}
		if !q.send(ctx, o) {
			return
		}
		q.drop()
	}
}

// fix has the report name what it is sent with first, for good.
func (q *reports) fix(o *outgoing, registration, verified events.Offset) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !o.sent {
		o.sent = true
		o.r.Facts.Registration, o.r.Base = registration, verified
	}
}

// send sends one report until a server has answered; false when ctx ends first.
func (q *reports) send(ctx context.Context, o *outgoing) bool {
	log := q.d.cfg.Log.With("pod", o.r.Namespace+"/"+o.r.Name, "report", o.r.Type)
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		reg, verified, ok := q.d.standing()
		if ok {
			q.fix(o, reg.Offset, verified)
			a, err := q.d.cfg.Server.Report(ctx, o.r)
			var refused *StatusError
			switch {
			case err == nil:
				if !a.Accepted {
					log.Info("report was not accepted", "code", a.Code, "reason", a.Reason)
				}
				if o.answer != nil {
					o.answer(a)
				}
				return true
			case errors.As(err, &refused) && refused.Code/100 == 4 && refused.Code != 408 && refused.Code != 429:
				log.Error("server refused a report", "err", err)
				if o.answer != nil {
					o.answer(feed.ReportAnswer{Code: "refused", Reason: refused.Message})
				}
				return true
			}
		}
		pause(ctx, wait)
	}
	return false
}

func (d *Daemon) standing() (feed.Registration, events.Offset, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registration, d.verified, d.registered
}

// tell reports a thing that happened, with the pod's status as of now. It runs
// on the worker.
func (w *worker) tell(t events.Type, answer func(feed.ReportAnswer), incidents ...events.Incident) {
	now := time.Now()
	w.status = w.statusNow(now)
	raw, err := json.Marshal(w.status)
	if err != nil {
		w.log.Error("encode status", "err", err)
		return
	}
	id, err := uuid.NewV7()
	if err != nil {
		w.log.Error("no randomness for a report's id", "err", err)
		return
	}
	o := &outgoing{answer: answer, r: feed.Report{
		Type: t, Namespace: w.a.Namespace, Name: w.a.Name, UID: w.a.UID,
		Status: raw, ID: id.String(), Cause: []events.Offset{w.offset},
		Facts: events.Report{
			Epoch: w.a.Epoch, Feed: w.offset, Happened: now.UnixNano(),
			Phase: phases[w.status.Phase], Ready: podReady(w.status), Incidents: incidents,
		},
	}}
	w.reports.add(o)
}

var phases = map[corev1.PodPhase]events.Phase{
	corev1.PodPending: events.Pending, corev1.PodRunning: events.Running,
	corev1.PodSucceeded: events.Succeeded, corev1.PodFailed: events.Failed,
}

func podReady(st *corev1.PodStatus) bool {
	for _, c := range st.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
