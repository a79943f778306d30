package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cairn/events"
	"cairn/events/ledger"
)

// OpenReadOnly opens the ledger in dir beside a running writer or none. It
// changes nothing and takes no lock. Append is refused; Fetch follows what the
// writer appends. The last group may be seen an instant before its writer has
// synced it, or, where the writer died of a sync that failed, before the next
// one opens the ledger: only the writer's own Fetch proves that a record is
// durable. A torn tail counts as the end.
func OpenReadOnly(dir string) (*Log, error) {
	id, err := readFormat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no ledger in %s: name the folder of one", ledger.ErrSettings, dir)
	}
	if err != nil {
		return nil, err
	}
	l := &Log{dir: dir, id: id, wake: make(chan struct{})}
	if l.segments, err = openSegments(dir, id, os.O_RDONLY); err != nil {
		return nil, err
	}
	if len(l.segments) == 0 {
		return nil, fmt.Errorf("%w: the ledger in %s has no segment yet: start its cell first", ledger.ErrSettings, dir)
	}
	l.end = l.segments[len(l.segments)-1].first
	if err := l.lookWhole(true); err != nil {
		closeSegments(l.segments)
		return nil, err
	}
	return l, nil
}

// look finds what the writer has appended since the last look.
func (l *Log) look() error { return l.lookWhole(false) }

func (l *Log) lookWhole(whole bool) error {
	l.refresh.Lock()
	defer l.refresh.Unlock()
	for {
		l.mu.Lock()
		closed, last := l.closed, l.segments[len(l.segments)-1]
		l.mu.Unlock()
		if closed {
			return ledger.ErrClosed
		}
		end, err := l.lookAt(last, whole)
		if err != nil {
			return err
		}
		next, err := openSegment(l.dir, l.id, end, os.O_RDONLY)
		if errors.Is(err, os.ErrNotExist) || end == last.first {
			if next != nil {
				next.file.Close() // the last one itself, still empty
			}
			return nil
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
		if next.prevFirst != uint64(last.first) || int64(next.prevBytes) != last.bytes {
			l.mu.Unlock()
			next.file.Close()
			return next.damage(end, 48, fmt.Sprintf("it follows another segment than %s of %d bytes", filepath.Base(last.path), last.bytes))
		}
		l.segments = append(l.segments, next)
		l.mu.Unlock()
	}
}

// lookAt moves the end behind the last whole batch of the last segment. What
// looks like damage is looked at again: the writer may have been half-way.
func (l *Log) lookAt(last *segment, whole bool) (events.Offset, error) {
	for try := 0; ; try++ {
		l.mu.Lock()
		fresh := &segment{header: last.header, path: last.path, file: last.file, salt: last.salt, bytes: last.bytes}
		rel := uint32(l.end - last.first)
		l.mu.Unlock()
		t, err := fresh.findEnd(rel, whole)
		var damage *ledger.Damage
		if errors.As(err, &damage) && try < 3 {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return 0, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, m := range fresh.marks {
			last.note(m.rel, m.at)
		}
		last.bytes = fresh.bytes
		if end := last.first + events.Offset(t.rel); end > l.end {
			l.end = end
			l.broadcast()
		}
		return l.end, nil
	}
}
