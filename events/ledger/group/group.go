package group

import (
	"context"
	"fmt"
	"sync"

	"cairn/events"
	"cairn/events/ledger"
)

// Limits bounds a group and the queue, by the records' bytes and by their
// number, since a record of a few bytes costs more than they. At least one call
// is always let through, however large.
type Limits struct {
	GroupBytes, GroupRecords int
	QueueBytes, QueueRecords int
}

// Call is the records of one caller.
type Call struct {
	Records [][]byte
	Bytes   int // sum of the records' lengths
	result  chan result
}

type result struct {
	first events.Offset
	err   error
}

// Queue holds the calls that wait for the committer.
//
// Invariant: a call is in calls, or was taken, or its Do has returned with
// nothing appended. Bytes and count are those of calls, and within the limits
// unless one call alone is not.
type Queue struct {
	limits Limits

	mu     sync.Mutex
	calls  []*Call
	bytes  int           // of calls
	count  int           // of their records
	more   chan struct{} // holds one token when calls is not empty or the queue ended
	room   chan struct{} // closed and replaced when calls were taken, if someone waits
	wanted bool          // someone waits for room
	ended  error         // set by End
}

// New returns an empty queue.
func New(limits Limits) *Queue {
	return &Queue{limits: limits, more: make(chan struct{}, 1), room: make(chan struct{})}
}

// Do queues the records and waits for their outcome: the first one's offset, or
// the committer's error, or ctx's error (nothing was appended), or an error
// that wraps ErrUnknown when ctx ended after the call was taken.
func (q *Queue) Do(ctx context.Context, records [][]byte) (events.Offset, error) {
	if err := ledger.Check(records); err != nil {
		return events.NoOffset, err
	}
	if err := ctx.Err(); err != nil {
		return events.NoOffset, err
	}
	c := &Call{Records: records, result: make(chan result, 1)}
	for _, r := range records {
		c.Bytes += len(r)
	}
	if err := q.enter(ctx, c); err != nil {
		return events.NoOffset, err
	}
	select {
	case r := <-c.result:
		return r.first, r.err
	case <-ctx.Done():
	}
	if q.remove(c) {
		return events.NoOffset, ctx.Err()
	}
	select {
	case r := <-c.result: // it came in the meantime
		return r.first, r.err
	default:
		return events.NoOffset, fmt.Errorf("%w: the caller stopped waiting: %w", ledger.ErrUnknown, ctx.Err())
	}
}

func (q *Queue) enter(ctx context.Context, c *Call) error {
	for {
		q.mu.Lock()
		if q.ended != nil {
			defer q.mu.Unlock()
			return q.ended
		}
		if q.fits(c) {
			q.calls = append(q.calls, c)
			q.bytes += c.Bytes
			q.count += len(c.Records)
			q.signal()
			q.mu.Unlock()
			return nil
		}
		q.wanted = true
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *Queue) fits(c *Call) bool {
	return len(q.calls) == 0 || q.bytes+c.Bytes <= q.limits.QueueBytes && q.count+len(c.Records) <= q.limits.QueueRecords
}

func (q *Queue) signal() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *Queue) remove(c *Call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, x := range q.calls {
		if x == c {
			q.calls = append(q.calls[:i], q.calls[i+1:]...)
			q.bytes -= c.Bytes
			q.count -= len(c.Records)
			q.freed()
			return true
		}
	}
	return false
}

func (q *Queue) freed() {
	if q.wanted {
		q.wanted = false
		close(q.room)
		q.room = make(chan struct{})
	}
}

// Take waits for calls and returns the next group; nil once the queue has
// ended. Only one goroutine may call it.
func (q *Queue) Take() []*Call {
	for {
		q.mu.Lock()
		if q.ended != nil {
			q.mu.Unlock()
			return nil
		}
		if len(q.calls) > 0 {
			group := q.cut()
			q.mu.Unlock()
			return group
		}
		q.mu.Unlock()
		<-q.more
	}
}

func (q *Queue) cut() []*Call {
	n, records, size := 0, 0, 0
	for _, c := range q.calls {
		if n > 0 && (records+len(c.Records) > q.limits.GroupRecords || size+c.Bytes > q.limits.GroupBytes) {
			break
		}
		n++
		records += len(c.Records)
		size += c.Bytes
	}
	group := append([]*Call(nil), q.calls[:n]...)
	rest := copy(q.calls, q.calls[n:])
	clear(q.calls[rest:])
	q.calls = q.calls[:rest]
	q.bytes -= size
	q.count -= records
	q.freed()
	return group
}

// Len gives the number of calls that wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.calls)
}

// End refuses waiting and future calls with err: nothing of theirs was
// appended. What was taken is still the committer's to resolve.
func (q *Queue) End(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended != nil {
		return
	}
	q.ended = err
	for _, c := range q.calls {
		c.Resolve(events.NoOffset, err)
	}
	q.calls, q.bytes, q.count = nil, 0, 0
	q.wanted = true
	q.freed()
	q.signal()
}

// Resolve gives the call its outcome. Once per call.
func (c *Call) Resolve(first events.Offset, err error) { c.result <- result{first, err} }

// Resolve gives a group's calls their outcome: consecutive offsets from first,
// or err.
func Resolve(calls []*Call, first events.Offset, err error) {
	for _, c := range calls {
		if err != nil {
			c.Resolve(events.NoOffset, err)
			continue
		}
		c.Resolve(first, nil)
		first += events.Offset(len(c.Records))
	}
}
