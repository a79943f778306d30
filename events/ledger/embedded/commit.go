package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/group"
)

// writer is the committer's state.
type writer struct {
	segmentBytes int64
	allocated    int64 // bytes of the last segment that have room behind them
	noAllocate   bool  // the file system can't allocate ahead
	last         int64 // ledger time of the last record
	buf          []byte
}

// commitAll is the committer: the only goroutine that appends.
func (l *Log) commitAll() {
	defer close(l.idle)
	for {
		calls := l.queue.Take()
		if calls == nil {
			return
		}
		first, err := l.commit(calls)
		group.Resolve(calls, first, err)
	}
}

// commit writes one batch, syncs it and makes it visible. Only an error that
// wraps ErrUnknown leaves anything behind.
func (l *Log) commit(calls []*group.Call) (events.Offset, error) {
	if l.failed != nil {
		return events.NoOffset, l.failed
	}
	w := &l.write
	records := 0
	w.buf = openBatch(w.buf[:0])
	for _, c := range calls {
		records += len(c.Records)
		for _, r := range c.Records {
			w.buf = addRecord(w.buf, r)
		}
	}
	if err := l.makeRoom(int64(len(w.buf))); err != nil {
		return events.NoOffset, err
	}
	s := l.segments[len(l.segments)-1]
	rel := uint32(l.end - s.first)
	w.last = max(w.last, l.clock())
	closeBatch(w.buf, s.salt, rel, w.last)

	if err := l.disk.write(s.file, w.buf, s.bytes); err != nil {
		if !isFull(err) {
			return events.NoOffset, l.fail(fmt.Errorf("cannot write %s: %w", s.path, err))
		}
		if cut := l.disk.truncate(s.file, s.bytes); cut != nil {
			return events.NoOffset, l.fail(fmt.Errorf("cannot cut %s back: %w", s.path, cut))
		}
		w.allocated = s.bytes
		return events.NoOffset, full(err)
	}
	if err := l.disk.sync(s.file); err != nil {
		return events.NoOffset, l.fail(fmt.Errorf("cannot sync %s: %w", s.path, err))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.end
	s.note(rel, s.bytes)
	s.bytes += int64(len(w.buf))
	l.end += events.Offset(records)
	l.broadcast()
	return first, nil
}

// fail stops the log for good; the group that met it is unknown.
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = fmt.Errorf("%w (look at the disk first): %w", ledger.ErrFailed, err)
	l.broadcast()
	return fmt.Errorf("%w: %w", ledger.ErrUnknown, l.failed)
}

// makeRoom sees to it that n bytes fit behind the last batch.
func (l *Log) makeRoom(n int64) error {
	w := &l.write
	s := l.segments[len(l.segments)-1]
	if s.bytes > headerBytes && s.bytes+n > w.segmentBytes {
		return l.roll(n)
	}
	if s.bytes+n <= w.allocated || w.noAllocate {
		return nil
	}
	size, err := l.allocate(s.file, s.bytes+n)
	if err != nil {
		return full(err)
	}
	w.allocated = size
	return nil
}

// allocate gives the file a whole segment's room, or as much as least when the
// disk is that full. It returns the size given.
func (l *Log) allocate(f *os.File, least int64) (int64, error) {
	w := &l.write
	size := max(w.segmentBytes, least)
	err := l.disk.allocate(f, size)
	if err != nil && isFull(err) && size > least {
		size = least
		err = l.disk.allocate(f, size)
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		w.noAllocate = true
		return size, nil
	}
	return size, err
}

// roll ends the last segment and begins the next one, with room for n bytes.
// The old one is cut to its length last: trailing zeros do no harm.
func (l *Log) roll(n int64) error {
	old := l.segments[len(l.segments)-1]
	h := header{id: l.id, first: l.end, floor: l.write.last, prevFirst: uint64(old.first), prevBytes: uint64(old.bytes)}
	s, err := l.newSegment(h, n)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.segments = append(l.segments, s)
	l.mu.Unlock()
	if err := l.disk.truncate(old.file, old.bytes); err != nil {
		return l.fail(fmt.Errorf("cannot cut %s to its length: %w", old.path, err))
	}
	return nil
}

// newSegment makes a segment file under a temporary name, so that a segment
// has either its whole header or is not there.
func (l *Log) newSegment(h header, n int64) (*segment, error) {
	path := filepath.Join(l.dir, segmentName(h.first))
	f, err := l.disk.create(path + tmpSuffix)
	if err != nil {
		return nil, full(err)
	}
	undo := func(err error) (*segment, error) {
		f.Close()
		if rerr := l.disk.remove(path + tmpSuffix); rerr != nil {
			err = errors.Join(err, rerr)
		}
		return nil, full(err)
	}
	size, err := l.allocate(f, headerBytes+n)
	if err != nil {
		return undo(err)
	}
	if err := l.disk.write(f, h.encode(), 0); err != nil {
		return undo(err)
	}
	if err := l.disk.sync(f); err != nil {
		return undo(l.fail(fmt.Errorf("cannot sync %s: %w", path, err)))
	}
	if err := l.disk.rename(path+tmpSuffix, path); err != nil {
		return undo(err)
	}
	if err := l.disk.syncDir(l.dir); err != nil {
		f.Close()
		return nil, l.fail(fmt.Errorf("cannot sync %s: %w", l.dir, err))
	}
	l.write.allocated = size
	return &segment{header: h, path: path, file: f, salt: salt(h.id, h.first), bytes: headerBytes}, nil
}
