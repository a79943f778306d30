package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"time"

	"cairn/events"
	"cairn/events/ledger"
)

// lookEvery is how often a waiting Fetch of a read-only log looks at the
// files, which tell nobody that they grew.
const lookEvery = 25 * time.Millisecond

// hint is where the batch with a record begins, for the reader that comes
// back for it.
type hint struct {
	offset  events.Offset
	segment events.Offset // the segment's first
	mark    mark
}

// Fetch implements ledger.Ledger. Every byte returned has passed its checksum.
func (l *Log) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	if from < 0 {
		return nil, errors.New("ledger: fetch from a negative offset: the first record is 0")
	}
	for {
		p, wake, err := l.place(from)
		if err != nil {
			return nil, err
		}
		if p.segment != nil {
			return l.read(p, from, maxBytes)
		}
		var timer <-chan time.Time
		if l.lock == nil {
			if err := l.lookFor(from); err != nil {
				return nil, err
			}
			timer = time.After(lookEvery)
		}
		select {
		case <-wake:
		case <-timer:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lookFor looks for the record at from, or at least for the one before it.
func (l *Log) lookFor(from events.Offset) error {
	if err := l.look(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if from > l.end {
		return l.shrunk(from)
	}
	return nil
}

// place is where a read begins, and what it must find.
type place struct {
	segment *segment // nil: at the end
	mark    mark
	limit   int64         // valid bytes of the segment
	next    events.Offset // the offset behind the segment's last record
}

func (l *Log) place(from events.Offset) (place, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return place{}, nil, ledger.ErrClosed
	case from > l.end:
		if l.lock == nil {
			return place{}, l.wake, nil // not yet looked at, perhaps
		}
		return place{}, nil, l.shrunk(from)
	case from == l.end:
		return place{}, l.wake, l.failed
	}
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].first > from }) - 1
	s := l.segments[i]
	p := place{segment: s, limit: s.bytes, next: l.end, mark: s.near(uint32(from - s.first))}
	if i+1 < len(l.segments) {
		p.next = l.segments[i+1].first
	}
	for _, h := range l.hints {
		if h.offset == from && h.segment == s.first && h.mark.at > p.mark.at {
			p.mark = h.mark
		}
	}
	return p, nil, nil
}

func (l *Log) shrunk(from events.Offset) error {
	last := l.segments[len(l.segments)-1]
	return last.damage(l.end, last.bytes, fmt.Sprintf("the ledger ends before offset %d, which its reader has seen", from))
}

// read returns records from the segment of p, about maxBytes.
func (l *Log) read(p place, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	s := p.segment
	sc := s.scanner(p.mark, p.limit, min(max(maxBytes, 4<<10), 4<<20)+4<<10)
	var out []ledger.Record
	var passed []mark
	size, done := 0, false
	var stop hint
	for !done {
		b, err := sc.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, l.unreadable(s, sc, err)
		}
		passed = append(passed, mark{b.rel, b.at})
		if len(out) > 0 && size+len(b.payload) > maxBytes { // cut between batches where it can be: no batch is read twice
			done, stop = true, hint{s.first + events.Offset(b.rel), s.first, mark{b.rel, b.at}}
			break
		}
		out = slices.Grow(out, int(b.records))
		b.each(func(rel uint32, data []byte) {
			o := s.first + events.Offset(rel)
			if o < from || done {
				return
			}
			if len(out) > 0 && size+len(data) > maxBytes {
				done, stop = true, hint{o, s.first, mark{b.rel, b.at}}
				return
			}
			out = append(out, ledger.Record{Offset: o, Time: b.time, Data: data})
			size += len(data)
		})
		if size >= maxBytes && !done {
			done, stop = true, hint{s.first + events.Offset(sc.rel), s.first, mark{sc.rel, sc.at}}
		}
	}
	if !done && s.first+events.Offset(sc.rel) != p.next {
		return nil, s.damage(s.first+events.Offset(sc.rel), sc.at, fmt.Sprintf("the segment ends here, its last record is %d", p.next-1))
	}
	if !done {
		stop = hint{p.next, s.first, mark{sc.rel, sc.at}}
	}
	l.learn(s, passed, stop)
	return out, nil
}

// learn keeps where batches begin, so that the next read need not search.
func (l *Log) learn(s *segment, passed []mark, stop hint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range passed {
		s.note(m.rel, m.at)
	}
	if stop.offset > s.first {
		l.hints[l.nextHint%len(l.hints)] = stop
		l.nextHint++
	}
}

func (l *Log) unreadable(s *segment, sc *scanner, err error) error {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	var bad *badBatch
	switch {
	case closed && errors.Is(err, os.ErrClosed):
		return ledger.ErrClosed
	case errors.As(err, &bad):
		return s.damage(s.first+events.Offset(sc.rel), bad.at, bad.what)
	}
	return fmt.Errorf("ledger: cannot read %s at byte %d: %w", s.path, sc.at, err)
}
