package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/store"
)

// ErrBehind: a subscriber asked for, or fell back to, results that are no
// longer in memory. It must start anew: list, and subscribe from there.
var ErrBehind = errors.New("the subscriber is too far behind")

// takenBytes a subscriber takes at once, about.
const takenBytes = 256 << 10

// subscribers hand on results in order.
//
// The naive way, a queue for each, lets whoever hangs keep all that happens
// meanwhile. Here all read what is kept for all: a subscriber is but a place
// in it, and what one holds beyond that is the part it is at.
//
// Invariant: kept holds the results (first, published] without a gap, of
// limit bytes at most and the last one anyhow.
type subscribers struct {
	mu               sync.Mutex
	first, published events.Offset
	kept             []keptResult
	bytes, limit     int
	moved            chan struct{} // closed and replaced when published moves
	all              map[*subscriber]bool
}

type keptResult struct {
	result *fold.Result
	bytes  int
}

// subscriber is how far one has come; subscribers.mu guards it.
type subscriber struct{ at events.Offset }

func (s *subscribers) init(at events.Offset, limit int) {
	s.first, s.published, s.limit, s.moved, s.all = at, at, limit, make(chan struct{}), map[*subscriber]bool{}
}

// weight is about what a result keeps in memory: its record, and what the fold
// made of it.
func weight(e *store.Entry) int {
	n := 512 + e.Bytes + 512*len(e.Result.KubeEvents)
	for i := range e.Columns {
		n += 256 + len(e.Columns[i].Column[digest.Facts].Bytes) + len(e.Columns[i].Column[digest.Projected].Bytes)
	}
	return n
}

func (s *subscribers) publish(entries []store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		k := keptResult{entries[i].Result, weight(&entries[i])}
		s.kept = append(s.kept, k)
		s.bytes += k.bytes
	}
	s.published = entries[len(entries)-1].Result.Offset
	drop := 0
	for ; s.bytes > s.limit && len(s.kept) > drop+1; drop++ {
		s.bytes -= s.kept[drop].bytes
		s.first = s.kept[drop].result.Offset
	}
	clear(s.kept[:drop]) // let go of what the shared array still holds
	s.kept = s.kept[drop:]
	close(s.moved)
	s.moved = make(chan struct{})
}

// take gives the next results for a subscriber, or what to wait for.
func (s *subscribers) take(sub *subscriber) (next []keptResult, moved chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.at < s.first {
		return nil, nil, fmt.Errorf("%w: results after record %d are no longer in memory (after %d they are): list as of the position, and subscribe from there", ErrBehind, sub.at, s.first)
	}
	from := min(int(sub.at-s.first), len(s.kept))
	n := from
	for bytes := 0; n < len(s.kept) && bytes < takenBytes; n++ {
		bytes += s.kept[n].bytes
	}
	return slices.Clone(s.kept[from:n]), s.moved, nil
}

func (s *subscribers) enter(sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[sub] = true
}

func (s *subscribers) leave(sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sub)
}

func (s *subscribers) done(sub *subscriber, o events.Offset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.at = o
}

// behind counts what each has still before it, ascending.
func (s *subscribers) behind() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []int
	for sub := range s.all {
		list = append(list, max(0, int(s.published-sub.at)))
	}
	slices.Sort(list)
	return list
}

// Subscribe calls fn for every result after an offset, see Cell.
func (f *Follower) Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error {
	if err := f.Err(); err != nil {
		return err
	}
	s := &subscriber{at: after}
	f.subs.enter(s)
	defer f.subs.leave(s)
	for {
		next, moved, err := f.subs.take(s)
		if err != nil {
			return err
		}
		for i := range next {
			if err := ctx.Err(); err != nil {
				return err
			}
			fn(next[i].result)
			f.subs.done(s, next[i].result.Offset)
			next[i].result = nil
		}
		if len(next) > 0 {
			continue
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.ctx.Done():
			<-f.done
			return f.Err()
		}
	}
}
