package embedded

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"cairn/events"
	"cairn/events/ledger"
)

// load opens the segments, finds the end, cuts a torn tail, and makes what
// it found durable before anyone may read it.
func (l *Log) load() error {
	found := false
	var err error
	if l.id, found, err = prepare(l.dir); err != nil {
		return err
	}
	if err := removeTemporary(l.disk, l.dir); err != nil {
		return err
	}
	clean, err := readClean(l.dir)
	if err != nil {
		return err
	}
	if found {
		if l.segments, err = openSegments(l.dir, l.id, os.O_RDWR); err != nil {
			return err
		}
	}
	if len(l.segments) == 0 {
		if clean != nil {
			return &ledger.Damage{Where: l.dir, Byte: -1, What: fmt.Sprintf("its segments are missing, it ended at %d", clean.end)}
		}
		return l.begin()
	}
	last := l.segments[len(l.segments)-1]
	tail, err := last.findEnd(0, true)
	if err != nil {
		return err
	}
	l.end = last.first + events.Offset(tail.rel)
	l.write.last = max(last.floor, tail.time)
	stale := false
	if clean != nil {
		if stale = clean.before(last.first, last.bytes); !stale && *clean != (cleanMark{last.first, last.bytes, l.end}) {
			return last.damage(l.end, last.bytes, fmt.Sprintf("the ledger ends here, it was closed with its end at %d", clean.end))
		}
	}
	if err := l.cutTail(last, tail); err != nil {
		return err
	}
	if clean == nil || stale {
		if err := l.writeAgain(tail); err != nil {
			return err
		}
	}
	return l.harden()
}

// begin makes the first segment, and the format file before it: one that is
// there without a segment may be of a start that failed.
func (l *Log) begin() error {
	if err := full(l.disk.replace(filepath.Join(l.dir, formatName), formatOf(l.id))); err != nil {
		return err
	}
	s, err := l.newSegment(header{id: l.id, prevFirst: noPrevious}, 0)
	if err != nil {
		return err
	}
	l.segments = []*segment{s}
	return l.harden()
}

// writeAgain writes what may not be durable once more, so that the sync which
// follows has something to write.
//
// Reading it back proves nothing: after a sync that failed, the kernel holds
// the pages as clean, serves them, lets the next sync succeed without a write,
// and has nothing of them after a loss of power. What is in doubt is the last
// batch, since each one was synced before the next was written, and the name
// of a segment without any, since its folder was synced before its first.
func (l *Log) writeAgain(t tail) error {
	i := len(l.segments) - 1
	s := l.segments[i]
	if t.rel == 0 {
		again, err := l.newSegment(s.header, 0)
		if err != nil {
			return err
		}
		s.file.Close()
		l.segments[i] = again
		return nil
	}
	b := make([]byte, s.bytes-t.at)
	if _, err := s.file.ReadAt(b, t.at); err != nil {
		return err
	}
	if _, wrong := decodeBatch(b, s.salt, t.lastRel); wrong != "" {
		return s.damage(s.first+events.Offset(t.lastRel), t.at, wrong+", though it was sound a moment ago")
	}
	return full(l.disk.write(s.file, b, t.at))
}

// harden syncs the last segment and the folder. The mark of a good end goes
// first, since from now on it may be wrong.
func (l *Log) harden() error {
	if err := l.disk.remove(filepath.Join(l.dir, cleanName)); err != nil {
		return err
	}
	if err := l.disk.sync(l.segments[len(l.segments)-1].file); err != nil {
		return err
	}
	return l.disk.syncDir(l.dir)
}

func removeTemporary(d disk, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := d.remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// tail is what findEnd saw.
type tail struct {
	rel  uint32 // records in the segment
	time int64  // of the last one, 0 if there is none

	lastRel uint32 // the first record of the last batch, 0 if there is none
	at      int64  // where that batch begins

	torn []byte // what follows the last batch, nil when it is zeros
	why  string
}

// findEnd reads the last segment from s.bytes on, where record rel begins, and
// moves s.bytes behind the last whole batch. If sound batches follow bytes
// that are none, it is damage; otherwise those bytes are torn. Unless whole, an
// all-zero place is taken for the end without a look at what follows it.
func (s *segment) findEnd(rel uint32, whole bool) (tail, error) {
	size, err := fileSize(s.file)
	if err != nil {
		return tail{}, err
	}
	if size < s.bytes {
		return tail{}, s.damage(s.first+events.Offset(rel), size, fmt.Sprintf("the file has %d bytes, it had %d", size, s.bytes))
	}
	chunk := 64 << 10
	if whole {
		chunk = 1 << 20
	}
	sc := s.scanner(mark{rel, s.bytes}, size, chunk)
	t := tail{rel: rel}
	for {
		b, err := sc.next()
		var bad *badBatch
		switch {
		case err == nil:
			s.note(b.rel, b.at)
			s.bytes, t.rel, t.time, t.lastRel, t.at = sc.at, sc.rel, b.time, b.rel, b.at
			continue
		case errors.Is(err, io.EOF):
			return t, nil
		case errors.As(err, &bad):
			t.why = bad.what
		default:
			return t, err
		}
		break
	}
	zeroTo := size
	if !whole {
		zeroTo = min(size, s.bytes+batchHeader)
	}
	if zero, err := zeroes(s.file, s.bytes, zeroTo); zero || err != nil {
		return t, err
	}
	rest := make([]byte, size-s.bytes)
	n, err := s.file.ReadAt(rest, s.bytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return t, err
	}
	rest = rest[:n]
	if holdsBatch(rest[1:], s.salt, t.rel) {
		return t, s.damage(s.first+events.Offset(t.rel), s.bytes, t.why+", though sound records follow it")
	}
	t.torn = rest
	return t, nil
}

// zeroes reports whether the file holds only zeros from one byte to another.
func zeroes(f io.ReaderAt, from, to int64) (bool, error) {
	buf := make([]byte, min(to-from, 1<<20))
	for from < to {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if n == 0 {
			return true, nil // the file got shorter
		}
		if !isZero(buf[:n]) {
			return false, nil
		}
		from += int64(n)
	}
	return true, nil
}

// cutTail keeps the torn bytes aside, replaces them by nothing, and gives the
// segment room again.
func (l *Log) cutTail(s *segment, t tail) error {
	if t.torn != nil {
		slog.Warn("the ledger's torn tail is cut off; it was never acknowledged, and it is kept",
			"segment", s.path, "byte", s.bytes, "offset", int64(s.first)+int64(t.rel), "why", t.why, "kept", filepath.Join(l.dir, tornName))
		end := len(t.torn)
		for end > 0 && t.torn[end-1] == 0 {
			end--
		}
		if err := l.disk.replace(filepath.Join(l.dir, tornName), t.torn[:end]); err != nil && !isFull(err) {
			return err
		}
		if err := l.disk.truncate(s.file, s.bytes); err != nil {
			return err
		}
	}
	size, err := fileSize(s.file)
	if err != nil {
		return err
	}
	l.write.allocated = size
	return nil
}
