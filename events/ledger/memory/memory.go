package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"cairn/events"
	"cairn/events/ledger"
)

// Log is a ledger in memory.
//
// Invariant: records[i].Offset == i, and times never go back.
type Log struct {
	clock func() int64

	mu      sync.Mutex
	records []ledger.Record
	wake    chan struct{} // closed and replaced when the log grows or closes
	closed  bool
}

var _ ledger.Ledger = (*Log)(nil)

// New returns an empty ledger that takes its times (Unix nanoseconds) from
// clock.
func New(clock func() int64) *Log {
	return &Log{clock: clock, wake: make(chan struct{})}
}

// Reopen closes l, as a crash would, and returns a new Log with its records.
func (l *Log) Reopen() *Log {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := New(l.clock)
	n.records = l.records[:len(l.records):len(l.records)]
	return n
}

// Append implements ledger.Ledger.
func (l *Log) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	if err := ledger.Check(records); err != nil {
		return events.NoOffset, err
	}
	if err := ctx.Err(); err != nil {
		return events.NoOffset, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return events.NoOffset, ledger.ErrClosed
	}
	first := events.Offset(len(l.records))
	now := l.clock()
	if first > 0 {
		now = max(now, l.records[first-1].Time)
	}
	for i, r := range records {
		l.records = append(l.records, ledger.Record{
			Offset: first + events.Offset(i),
			Time:   now,
			Data:   append([]byte(nil), r...),
		})
	}
	l.broadcast()
	return first, nil
}

// Fetch implements ledger.Ledger. The data belongs to the ledger: read it only.
func (l *Log) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	if from < 0 {
		return nil, errors.New("ledger: fetch from a negative offset: the first record is 0")
	}
	for {
		records, wake, err := l.take(from, maxBytes)
		if err != nil || len(records) > 0 {
			return records, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *Log) take(from events.Offset, maxBytes int) ([]ledger.Record, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, ledger.ErrClosed
	}
	end := events.Offset(len(l.records))
	if from > end {
		return nil, nil, &ledger.Damage{Where: "memory", Offset: end, Byte: -1,
			What: fmt.Sprintf("the ledger ends before offset %d, which its reader has seen", from)}
	}
	n, size := from, 0
	for n < end && (n == from || size+len(l.records[n].Data) <= maxBytes) {
		size += len(l.records[n].Data)
		n++
	}
	return l.records[from:n:n], l.wake, nil
}

// ReadPoint implements ledger.Ledger.
func (l *Log) ReadPoint(ctx context.Context) (events.Offset, error) {
	if err := ctx.Err(); err != nil {
		return events.NoOffset, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return events.NoOffset, ledger.ErrClosed
	}
	return events.Offset(len(l.records)), nil
}

// Close implements ledger.Ledger; a second Close does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.broadcast()
	}
	return nil
}

func (l *Log) broadcast() {
	close(l.wake)
	l.wake = make(chan struct{})
}
