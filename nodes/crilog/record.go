package crilog

import (
	"bytes"
	"fmt"
	"time"
)

// Stream says which output of the process a record holds.
type Stream string

// The two streams of a process; a process with a terminal has stdout only.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// MaxContent is the most content, in bytes, that one record carries.
const MaxContent = 16 << 10

// Record is one line of a container's log, or a part of one.
type Record struct {
	At      time.Time
	Stream  Stream
	Partial bool   // the line goes on in the next record of this stream
	Content []byte // without newline
}

// AppendTo appends the record's text, newline included, to b.
func (r Record) AppendTo(b []byte) []byte {
	b = r.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, ' ')
	b = append(b, r.Stream...)
	if r.Partial {
		b = append(b, " P "...)
	} else {
		b = append(b, " F "...)
	}
	b = append(b, r.Content...)
	return append(b, '\n')
}

// Parse reads one line of a log file, with or without its newline. Content
// points into line.
func Parse(line []byte) (Record, error) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	at, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return Record{}, fmt.Errorf("log line %q has no time: the file is not in the CRI format", clip(line))
	}
	stream, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok || (string(stream) != string(Stdout) && string(stream) != string(Stderr)) {
		return Record{}, fmt.Errorf("log line %q names no stream: the file is not in the CRI format", clip(line))
	}
	tag, content, ok := bytes.Cut(rest, []byte{' '})
	if !ok || len(tag) == 0 {
		return Record{}, fmt.Errorf("log line %q has no tag: the file is not in the CRI format", clip(line))
	}
	t, err := time.Parse(time.RFC3339Nano, string(at))
	if err != nil {
		return Record{}, fmt.Errorf("log line %q: %w", clip(line), err)
	}
	return Record{At: t, Stream: Stream(stream), Partial: tag[0] == 'P', Content: content}, nil
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }
