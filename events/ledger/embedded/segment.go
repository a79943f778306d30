package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cairn/events"
	"cairn/events/ledger"
)

// markEvery is the distance in bytes between entries of a segment's index.
const markEvery = 64 << 10

// mark says that the batch at byte at begins with record rel.
type mark struct {
	rel uint32
	at  int64
}

// segment is one open file of the log.
//
// Invariant: bytes [0, bytes) are the header and whole, synced batches; the
// next segment's first offset is this one's first plus their records.
type segment struct {
	header
	path  string
	file  *os.File
	salt  uint32
	bytes int64  // guarded by the Log's mu in the last segment, fixed in others
	marks []mark // ascending; guarded by the Log's mu
}

func (s *segment) damage(o events.Offset, at int64, what string) error {
	return &ledger.Damage{Where: s.path, Offset: o, Byte: at, What: what}
}

// openSegment opens the file of the segment that begins with first and checks
// its header, not its batches.
func openSegment(dir string, id ledgerID, first events.Offset, flag int) (*segment, error) {
	path := filepath.Join(dir, segmentName(first))
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{path: path, file: f, bytes: headerBytes}
	b := make([]byte, headerBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, err
	}
	h, newer, wrong := decodeHeader(b[:n])
	switch {
	case newer > 0:
		err = newerFormat(path, newer)
	case wrong != "":
		err = s.damage(first, 0, wrong)
	case h.id != id:
		err = s.damage(first, 16, "the segment belongs to another ledger")
	case h.first != first:
		err = s.damage(first, 32, fmt.Sprintf("the segment begins with offset %d by its header", h.first))
	default:
		s.header, s.salt = h, salt(h.id, h.first)
		return s, nil
	}
	f.Close()
	return nil, err
}

// openSegments opens all segments and checks that none is missing or short.
func openSegments(dir string, id ledgerID, flag int) ([]*segment, error) {
	firsts, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	var all []*segment
	fail := func(err error) ([]*segment, error) {
		closeSegments(all)
		return nil, err
	}
	for i, first := range firsts {
		s, err := openSegment(dir, id, first, flag)
		if err != nil {
			return fail(err)
		}
		all = append(all, s)
		if i == 0 {
			if first != 0 {
				return fail(s.damage(0, 0, "the segments before it are missing"))
			}
			continue
		}
		prev := all[i-1]
		if s.prevFirst != uint64(prev.first) {
			return fail(s.damage(first, 48, fmt.Sprintf("the segment before it, %s, is missing", segmentName(events.Offset(s.prevFirst)))))
		}
		prev.bytes = int64(s.prevBytes)
		size, err := fileSize(prev.file)
		if err != nil {
			return fail(err)
		}
		if size < prev.bytes {
			return fail(prev.damage(prev.first, size, fmt.Sprintf("the file has %d bytes, it had %d", size, prev.bytes)))
		}
	}
	return all, nil
}

func closeSegments(all []*segment) {
	for _, s := range all {
		s.file.Close()
	}
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// note remembers where a batch begins, if it is far enough from the last mark.
func (s *segment) note(rel uint32, at int64) {
	if n := len(s.marks); n == 0 || at >= s.marks[n-1].at+markEvery {
		s.marks = append(s.marks, mark{rel, at})
	}
}

// near returns the last known batch that begins at or before rel.
func (s *segment) near(rel uint32) mark {
	lo, hi := 0, len(s.marks)
	for lo < hi {
		if mid := (lo + hi) / 2; s.marks[mid].rel <= rel {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return mark{0, headerBytes}
	}
	return s.marks[lo-1]
}

func (s *segment) scanner(from mark, limit int64, chunk int) *scanner {
	return &scanner{file: s.file, salt: s.salt, at: from.at, rel: from.rel, limit: limit, chunk: chunk}
}
