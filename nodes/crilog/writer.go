package crilog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Writer appends records to one log file.
//
// Invariant: each record reaches the file by one write call on a descriptor
// opened for append, so records never interleave.
type Writer struct {
	mu  sync.Mutex
	f   *os.File
	buf []byte
	now func() time.Time
}

// Open opens the log file at path for append, and makes it (mode 0640) where
// it does not exist. now stamps the records.
func Open(path string, now func() time.Time) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open container log: %w", err)
	}
	return &Writer{f: f, now: now}, nil
}

// Append writes one record stamped now.
func (w *Writer) Append(s Stream, partial bool, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = Record{At: w.now(), Stream: s, Partial: partial, Content: content}.AppendTo(w.buf[:0])
	_, err := w.f.Write(w.buf)
	return err
}

// Close closes the file. Copies still under way fail afterwards.
func (w *Writer) Close() error { return w.f.Close() }

// Copy reads src to its end and appends it line by line. Each chunk read is
// first given to tee (which may be nil), as it came. A failure to write the
// log does not stop the copy: a full disk must not stop the container.
func (w *Writer) Copy(s Stream, src io.Reader, tee func([]byte)) {
	chunk := make([]byte, MaxContent)
	var line []byte
	for {
		n, err := src.Read(chunk)
		if n > 0 {
			if tee != nil {
				tee(chunk[:n])
			}
			line = w.lines(s, append(line, chunk[:n]...))
		}
		if err != nil {
			break
		}
	}
	if len(line) > 0 {
		_ = w.Append(s, true, line)
	}
}

// lines writes out each whole line of b, cuts what is too long, and returns
// what remains, moved to the front of b.
func (w *Writer) lines(s Stream, b []byte) []byte {
	rest := b
	for {
		i := bytes.IndexByte(rest, '\n')
		switch {
		case i > MaxContent || (i < 0 && len(rest) > MaxContent):
			_ = w.Append(s, true, rest[:MaxContent])
			rest = rest[MaxContent:]
		case i >= 0:
			_ = w.Append(s, false, rest[:i])
			rest = rest[i+1:]
		default:
			return b[:copy(b, rest)]
		}
	}
}
