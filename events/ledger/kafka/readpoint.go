package kafka

import (
	"context"
	"errors"
	"time"

	"cairn/events"
	"cairn/events/ledger"
)

// round is one question to the cluster that all who came before it share.
type round struct {
	done chan struct{}
	end  events.Offset
	err  error
}

// ReadPoint implements ledger.Ledger. With one broker it is the topic's end;
// with several, a deposed leader might not know the end, so it is the place of
// a record of ours. Calls share a round, but only one that begins after them.
func (l *Log) ReadPoint(ctx context.Context) (events.Offset, error) {
	if err := ctx.Err(); err != nil {
		return events.NoOffset, err
	}
	l.mu.Lock()
	if l.ctx.Err() != nil {
		l.mu.Unlock()
		return events.NoOffset, ledger.ErrClosed
	}
	if l.next == nil {
		l.next = &round{done: make(chan struct{})}
	}
	r := l.next
	if !l.busy {
		l.busy = true
		go l.rounds()
	}
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.end, r.err
	case <-ctx.Done():
		return events.NoOffset, ctx.Err()
	}
}

// rounds asks until nobody waits.
func (l *Log) rounds() {
	for {
		l.mu.Lock()
		r := l.next
		l.next = nil
		if r == nil {
			l.busy = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		r.end, r.err = l.ask()
		close(r.done)
	}
}

func (l *Log) ask() (events.Offset, error) {
	if l.marker != nil {
		return l.mark()
	}
	var end int64
	err := l.link.persist(l.ctx, func() (err error) {
		end, err = l.link.end(l.ctx, 0)
		return err
	})
	if l.ctx.Err() != nil {
		err = ledger.ErrClosed
	}
	return events.Offset(end), err
}

// mark appends a record of ours. One whose outcome is unknown, as when the
// leader moves, is left to itself: another says as much.
func (l *Log) mark() (events.Offset, error) {
	deadline := time.Now().Add(l.link.timeout)
	for try := 0; ; try++ {
		first, err := l.queue.Do(l.ctx, [][]byte{l.marker()})
		switch {
		case l.ctx.Err() != nil:
			return events.NoOffset, ledger.ErrClosed
		case err == nil:
			return first + 1, nil
		case !errors.Is(err, ledger.ErrUnknown):
			return events.NoOffset, err
		case time.Now().After(deadline):
			return events.NoOffset, l.link.unreachable(errors.New(err.Error())) // a read has no outcome to be unknown
		}
		_ = backoff(l.ctx, try) // the next round sees that the log was closed
	}
}
