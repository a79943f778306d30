package engine

import (
	"context"
	"sync"

	"cairn/events"
	"cairn/projections/fold"
)

// inboxBytes bounds what a loop has not taken yet, as weighed by weight.
const inboxBytes = 8 << 20

// inbox is results on their way to a loop. Who fills it waits while it is full:
// then the follower's own queue grows, and the follower ends who is too far behind.
type inbox struct {
	mu    sync.Mutex
	list  []*fold.Result
	bytes int
	came  chan struct{} // holds one token while there is something to take
	room  chan struct{} // holds one token after something was taken
}

func newInbox() *inbox {
	return &inbox{came: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds a result, without what nobody here reads. It returns early when ctx ends.
func (q *inbox) put(ctx context.Context, r *fold.Result) {
	r = slim(r)
	for {
		q.mu.Lock()
		if q.bytes < inboxBytes {
			q.list = append(q.list, r)
			q.bytes += weight(r)
			q.mu.Unlock()
			signal(q.came)
			return
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return
		}
	}
}

// take returns what has come, in order.
func (q *inbox) take() []*fold.Result {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list, q.bytes = nil, 0
	signal(q.room)
	return list
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// slim is a result without bodies and the fold's rows, which are most of it.
func slim(r *fold.Result) *fold.Result {
	s := &fold.Result{Offset: r.Offset, Time: r.Time, Outcome: r.Outcome, Changes: make([]fold.Change, len(r.Changes))}
	copy(s.Changes, r.Changes)
	for i := range s.Changes {
		s.Changes[i].Spec, s.Changes[i].Status = nil, nil
	}
	if e := r.Event; e != nil {
		s.Event = &events.Event{Type: e.Type, Subject: e.Subject, UID: e.UID, Facts: events.Facts{Placement: e.Facts.Placement}}
	}
	return s
}

// weight is about what a slim result holds in memory: facts are shared with the
// fold, which holds them as long as the object lives.
func weight(r *fold.Result) int { return 256 + 512*len(r.Changes) }
