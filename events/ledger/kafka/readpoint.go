package kafka

import (
	"context"

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
		first, err := l.queue.Do(l.ctx, [][]byte{l.marker()})
		if l.ctx.Err() != nil {
			err = ledger.ErrClosed
		}
		return first + 1, err
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
