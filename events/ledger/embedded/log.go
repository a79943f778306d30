package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/group"
)

// Options of a log; the zero value is good for a cell.
type Options struct {
	SegmentBytes int64        // size of a segment file; 64 MiB if 0
	Clock        func() int64 // Unix nanoseconds; the machine's clock if nil
	Fault        Fault        // for tests; nil: no faults
}

// Log is a ledger in a folder. Make one with Open or OpenReadOnly.
//
// Invariant: end is the offset after the last synced record, and every record
// below it is in segments; it never shrinks.
type Log struct {
	dir   string
	id    ledgerID
	disk  disk
	clock func() int64
	lock  *os.File // nil: read only
	queue *group.Queue
	idle  chan struct{} // closed when the committer has ended

	write writer // the committer's own

	mu       sync.Mutex
	segments []*segment // at least one
	end      events.Offset
	wake     chan struct{} // closed and replaced when end grows or the log closes
	hints    [8]hint       // where sequential readers stopped
	nextHint int
	closed   bool
	failed   error // wraps ErrFailed; set once
	refresh  sync.Mutex
}

var _ ledger.Ledger = (*Log)(nil)

// Open opens the ledger in dir for writing and makes one if the folder is
// empty or missing. It fails when another process has it open, with *Damage
// when bytes are not what was written, with ErrSettings when the folder holds
// something else or a newer format.
func Open(dir string, opt Options) (*Log, error) {
	if opt.SegmentBytes <= 0 {
		opt.SegmentBytes = 64 << 20
	}
	if opt.Clock == nil {
		opt.Clock = func() int64 { return time.Now().UnixNano() }
	}
	if err := makeFolder(disk{opt.Fault}, dir); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{
		dir: dir, disk: disk{opt.Fault}, clock: opt.Clock, lock: held,
		queue: group.New(group.Limits{GroupBytes: 4 << 20, GroupRecords: 8192, QueueBytes: 64 << 20, QueueRecords: 1 << 16}),
		idle:  make(chan struct{}),
		wake:  make(chan struct{}),
	}
	l.write.segmentBytes = opt.SegmentBytes
	if err := l.load(); err != nil {
		closeSegments(l.segments)
		held.Close()
		var damage *ledger.Damage
		if errors.As(err, &damage) || errors.Is(err, ledger.ErrSettings) || errors.Is(err, ledger.ErrFull) {
			return nil, err
		}
		return nil, fmt.Errorf("ledger: cannot open %s: %w", dir, err)
	}
	go l.commitAll()
	return l, nil
}

// Append implements ledger.Ledger.
func (l *Log) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	if l.lock == nil {
		return events.NoOffset, fmt.Errorf("ledger: %s is open read-only: nothing was appended", l.dir)
	}
	return l.queue.Do(ctx, records)
}

// ReadPoint implements ledger.Ledger: the end. Of a log open read-only it is
// the end that the files show now.
func (l *Log) ReadPoint(ctx context.Context) (events.Offset, error) {
	if err := ctx.Err(); err != nil {
		return events.NoOffset, err
	}
	if l.lock == nil {
		if err := l.look(); err != nil {
			return events.NoOffset, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return events.NoOffset, ledger.ErrClosed
	}
	if l.failed != nil {
		return events.NoOffset, l.failed
	}
	return l.end, nil
}

// Close implements ledger.Ledger: what the committer has taken is finished,
// what waits is refused, and the true end is noted for the next Open.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.broadcast()
	l.mu.Unlock()
	if l.lock == nil {
		l.refresh.Lock() // a look under way still uses the files
		defer l.refresh.Unlock()
		closeSegments(l.segments)
		return nil
	}
	l.queue.End(ledger.ErrClosed)
	<-l.idle
	err := l.finish()
	closeSegments(l.segments)
	if cerr := l.lock.Close(); err == nil {
		err = cerr
	}
	return err
}

// finish cuts the last segment to its length and notes the end.
func (l *Log) finish() error {
	if l.failed != nil {
		return nil // what is durable is not known: the next Open looks
	}
	last := l.segments[len(l.segments)-1]
	if err := l.disk.truncate(last.file, last.bytes); err != nil {
		return fmt.Errorf("ledger: cannot cut %s to its length (nothing is lost): %w", last.path, err)
	}
	clean := cleanMark{first: last.first, bytes: last.bytes, end: l.end}
	err := l.disk.sync(last.file)
	if err == nil {
		err = l.disk.replace(filepath.Join(l.dir, cleanName), clean.encode())
	}
	if err != nil && !isFull(err) { // the mark is a check more, not needed
		return fmt.Errorf("ledger: cannot note the end of %s (nothing is lost): %w", l.dir, err)
	}
	return nil
}

// broadcast wakes whoever waits for the log to grow. Called with mu held.
func (l *Log) broadcast() {
	close(l.wake)
	l.wake = make(chan struct{})
}
