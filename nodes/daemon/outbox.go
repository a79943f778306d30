package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/runtime"
)

// outbox holds one pod's reports.
//
// Invariant: reports leave in the order in which they were made, and one that
// was sent once is sent again with the same bytes until it is answered.
type outbox struct {
	d *Daemon

	mu    sync.Mutex
	queue []*outgoing
	news  chan struct{} // of one place
}

// answer takes in what a server said to a report that named a registration.
// It may be nil.
type answer func(a feed.ReportAnswer, named events.Offset)

type outgoing struct {
	r      feed.Report
	sent   bool
	answer answer
}

// most is how many reports wait for a server that is away; then plain status
// reports, which a later one replaces, are dropped first.
const most = 200

func newOutbox(d *Daemon) *outbox { return &outbox{d: d, news: make(chan struct{}, 1)} }

func (q *outbox) add(o *outgoing) {
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
func (q *outbox) fresh() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queue) > 0 && !q.queue[len(q.queue)-1].sent
}

// idle reports whether all was answered.
func (q *outbox) idle() bool { return q.first() == nil }

func (q *outbox) first() *outgoing {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return nil
	}
	return q.queue[0]
}

func (q *outbox) drop() {
	q.mu.Lock()
	q.queue = q.queue[1:]
	q.mu.Unlock()
}

// run sends until ctx ends.
func (q *outbox) run(ctx context.Context, pod runtime.ID) {
	again := q.d.retry("report "+pod.UID, 100*time.Millisecond, 5*time.Second)
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
		if !q.send(ctx, o, again) {
			return
		}
		q.drop()
	}
}

// fix has the report name what it is sent with first, for good.
func (q *outbox) fix(o *outgoing, registration, verified events.Offset) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !o.sent {
		o.sent = true
		o.r.Facts.Registration, o.r.Base = registration, verified
	}
}

// send sends one report until a server has answered; false when ctx ends first.
func (q *outbox) send(ctx context.Context, o *outgoing, again *retry) bool {
	log := q.d.cfg.Log.With("pod", o.r.Namespace+"/"+o.r.Name, "report", o.r.Type)
	for again.reset(); ctx.Err() == nil; q.d.pause(ctx, again.next()) {
		reg, verified, ok := q.d.standing()
		if !ok {
			continue
		}
		q.fix(o, reg.Offset, verified)
		a, err := q.d.cfg.Server.Report(ctx, o.r)
		var refused *StatusError
		switch {
		case err == nil:
			if !a.Accepted {
				log.Info("report was not accepted", "code", a.Code, "reason", a.Reason)
			}
		case errors.As(err, &refused) && refused.Code/100 == 4 && refused.Code != 408 && refused.Code != 429:
			log.Error("server refused a report", "err", err)
			a = feed.ReportAnswer{Code: "refused", Reason: refused.Message}
		default:
			continue
		}
		if o.answer != nil {
			o.answer(a, o.r.Facts.Registration)
		}
		return true
	}
	return false
}

func (d *Daemon) standing() (feed.Registration, events.Offset, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registration, d.verified, d.registered
}
