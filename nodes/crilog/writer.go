package crilog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"
)

// Limit says how much of a log is kept: the file itself and, as PATH.1, PATH.2
// and so on, those that it grew out of, the youngest first.
type Limit struct {
	Bytes int64 // of one file
	Files int   // the one written to among them
}

// Default is what the kubelet keeps of a container's log.
var Default = Limit{Bytes: 10 << 20, Files: 5}

// Writer appends records to one log file.
//
// Invariant: each record reaches the file by one write call on a descriptor
// opened for append, so records never interleave.
type Writer struct {
	path  string
	limit Limit
	now   func() time.Time

	mu   sync.Mutex
	f    *os.File
	size int64
	buf  []byte
}

// Open opens the log file at path for append, and makes it (mode 0640) where
// it does not exist. now stamps the records.
func Open(path string, limit Limit, now func() time.Time) (*Writer, error) {
	w := &Writer{path: path, limit: limit, now: now}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("open container log: %w", err)
	}
	return w, nil
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	w.f, w.size = f, st.Size()
	return nil
}

// rotate puts the file aside and begins another. Where that fails, the log
// goes on in the old one: a line lost is worse than a file too long.
func (w *Writer) rotate() {
	for i := w.limit.Files - 1; i > 0; i-- {
		if err := os.Rename(Older(w.path, i-1), Older(w.path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	old := w.f
	if w.open() == nil {
		old.Close()
	}
}

// Older names the n-th file that the log at path grew out of; path itself for 0.
func Older(path string, n int) string {
	if n == 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}

// Append writes one record stamped now.
func (w *Writer) Append(s Stream, partial bool, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = Record{At: w.now(), Stream: s, Partial: partial, Content: content}.AppendTo(w.buf[:0])
	if w.limit.Files > 1 && w.size > 0 && w.size+int64(len(w.buf)) > w.limit.Bytes {
		w.rotate()
	}
	n, err := w.f.Write(w.buf)
	w.size += int64(n)
	return err
}

// Close closes the file. Copies still under way fail afterwards.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.f.Close()
}

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
