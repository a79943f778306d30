package streaming

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"cairn/nodes/crilog"
)

// LogOptions are those of `kubectl logs`.
type LogOptions struct {
	Follow, Previous, Timestamps bool
	Since                        time.Time
	TailLines                    int64 // below 0: all
	LimitBytes                   int64 // below 0: no limit
	Stream                       crilog.Stream
}

// ParseLogOptions reads the query of a log request. now is for sinceSeconds.
func ParseLogOptions(q url.Values, now time.Time) (LogOptions, error) {
	o := LogOptions{TailLines: -1, LimitBytes: -1}
	for name, to := range map[string]*bool{"follow": &o.Follow, "previous": &o.Previous, "timestamps": &o.Timestamps} {
		if q.Has(name) {
			v, err := strconv.ParseBool(q.Get(name))
			if err != nil {
				return o, fmt.Errorf("%s: %q is not true or false", name, q.Get(name))
			}
			*to = v
		}
	}
	seconds := int64(-1)
	for name, to := range map[string]*int64{"tailLines": &o.TailLines, "limitBytes": &o.LimitBytes, "sinceSeconds": &seconds} {
		if s := q.Get(name); s != "" {
			v, err := strconv.ParseInt(s, 10, 64)
			if err != nil || v < 0 {
				return o, fmt.Errorf("%s: %q is not a count", name, s)
			}
			*to = v
		}
	}
	if seconds >= 0 {
		o.Since = now.Add(-time.Duration(seconds) * time.Second)
	}
	if s := q.Get("sinceTime"); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return o, fmt.Errorf("sinceTime: %w", err)
		}
		o.Since = t
	}
	switch q.Get("stream") {
	case "Stdout":
		o.Stream = crilog.Stdout
	case "Stderr":
		o.Stream = crilog.Stderr
	}
	return o, nil
}

func (h *handler) logs(w http.ResponseWriter, r *http.Request) {
	o, err := ParseLogOptions(r.URL.Query(), time.Now())
	if err != nil {
		refuse(w, err)
		return
	}
	c := h.find(w, r)
	if c == nil {
		return
	}
	path, live, err := c.Log(o.Previous)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	if err := CopyLog(r.Context(), w, flush, path, live, o); err != nil && r.Context().Err() == nil {
		fmt.Fprintf(w, "\ncairn: read log: %v\n", err)
	}
}

// poll is how often a followed log is looked at.
const poll = 50 * time.Millisecond

// CopyLog writes a log file as text to w, as the options say. With Follow it
// goes on until live says that nobody writes any more and all is read, or ctx
// ends. A file that is not there is an empty log.
func CopyLog(ctx context.Context, w io.Writer, flush func(), path string, live func() bool, o LogOptions) error {
	f, err := os.Open(path)
	for errors.Is(err, fs.ErrNotExist) && o.Follow && live() && wait(ctx) {
		f, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	if o.TailLines >= 0 {
		if err := seekTail(f, o.TailLines); err != nil {
			return err
		}
	}
	p := &printer{w: w, o: o, left: o.LimitBytes}
	var pending []byte
	chunk := make([]byte, 64<<10)
	aside := false // f was seen to be put aside: nobody writes to it any more
	for {
		// Asked before the read: what a process wrote before it ended is read.
		alive := o.Follow && live()
		n, err := f.Read(chunk)
		pending = append(pending, chunk[:n]...)
		rest, more, perr := p.lines(pending)
		if perr != nil || !more {
			return perr
		}
		pending = pending[:copy(pending, rest)]
		if err == io.EOF || n == 0 {
			flush()
			if newer := next(f, path); newer != "" && !aside {
				aside = true // and is read once more: it may have grown before
				continue
			} else if newer != "" {
				g, err := os.Open(newer)
				if err == nil && next(f, path) == newer { // it was not moved on meanwhile
					f.Close()
					f, aside = g, false
					continue
				}
				g.Close() // of nil, an error that nobody needs
				if wait(ctx) {
					continue
				}
				return nil
			}
			if !alive || !wait(ctx) {
				return nil
			}
		} else if err != nil {
			return err
		}
	}
}

// next names the file that a log goes on in after f; empty where f is the one
// that is written to.
func next(f *os.File, path string) string {
	own, err := f.Stat()
	if err != nil {
		return ""
	}
	for n := range crilog.Default.Files {
		st, err := os.Stat(crilog.Older(path, n))
		if err == nil && os.SameFile(own, st) && n == 0 {
			return ""
		}
		if err == nil && os.SameFile(own, st) {
			return crilog.Older(path, n-1)
		}
		if n == 0 && err != nil {
			return "" // between two files, or gone altogether
		}
	}
	return path // it was removed meanwhile: lines are lost
}

func wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(poll):
		return true
	}
}

// printer writes records as text.
type printer struct {
	w    io.Writer
	o    LogOptions
	left int64 // bytes that may still be written; below 0: no limit
	cont bool  // the last record was a part: no time before the next
}

// lines prints the whole lines of b; the rest, and whether there may be more.
func (p *printer) lines(b []byte) (rest []byte, more bool, err error) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return b, true, nil
		}
		r, err := crilog.Parse(b[:i])
		b = b[i+1:]
		if err != nil {
			return b, false, err
		}
		if r.At.Before(p.o.Since) || p.o.Stream != "" && r.Stream != p.o.Stream {
			continue
		}
		var out []byte
		if p.o.Timestamps && !p.cont {
			out = append(r.At.UTC().AppendFormat(out, "2006-01-02T15:04:05.000000000Z07:00"), ' ')
		}
		out = append(out, r.Content...)
		if p.cont = r.Partial; !r.Partial {
			out = append(out, '\n')
		}
		if p.left >= 0 && int64(len(out)) > p.left {
			out = out[:p.left]
		}
		if _, err := p.w.Write(out); err != nil {
			return b, false, err
		}
		if p.left >= 0 {
			if p.left -= int64(len(out)); p.left == 0 {
				return b, false, nil
			}
		}
	}
}

// seekTail moves f to the start of the last n lines, reading backwards. A line
// in several records counts once.
func seekTail(f *os.File, n int64) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const block = 64 << 10
	var tail []byte
	for at := end; at > 0; {
		size := min(block, at)
		at -= size
		b := make([]byte, size, int(size)+len(tail))
		if _, err := f.ReadAt(b, at); err != nil {
			return err
		}
		tail = append(b, tail...)
		if from, ok := tailStart(tail, n, at == 0); ok {
			_, err := f.Seek(at+int64(from), io.SeekStart)
			return err
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// tailStart finds where the last n lines of b begin. The first line of b may
// be cut unless whole.
func tailStart(b []byte, n int64, whole bool) (int, bool) {
	full := func(line []byte) bool {
		f := strings.SplitN(string(line[:min(len(line), 64)]), " ", 4)
		return len(f) < 3 || !strings.HasPrefix(f[2], "P")
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	if n == 0 {
		return end, true
	}
	ends := int64(0) // line ends seen, from the back
	for pos := end; pos > 0; {
		start := bytes.LastIndexByte(b[:pos-1], '\n') + 1
		if start == 0 && !whole {
			return 0, false
		}
		if full(b[start:pos-1]) || pos == end {
			if ends == n {
				return pos, true
			}
			ends++
		}
		pos = start
	}
	return 0, whole
}
