package follower

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/store"
)

// What is kept of the last results, for those who subscribe a little late.
const (
	keptResults = 8192
	keptBytes   = 64 << 20
)

// subscribers hand on results in order.
//
// Invariant: kept holds the results (first, published] without a gap.
type subscribers struct {
	mu               sync.Mutex
	first, published events.Offset
	kept             []store.Entry
	bytes            int
	all              map[*subscriber]bool
}

// subscriber has a queue of its own, so that none holds up another or the fold.
type subscriber struct {
	after events.Offset
	wake  chan struct{}
	mu    sync.Mutex
	queue []*fold.Result
}

func (s *subscribers) init(at events.Offset) {
	s.first, s.published, s.all = at, at, map[*subscriber]bool{}
}

func (s *subscribers) publish(entries []store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		e.Columns = nil
		s.kept = append(s.kept, e)
		s.bytes += e.Bytes
	}
	s.published = entries[len(entries)-1].Result.Offset
	drop := 0
	for len(s.kept)-drop > keptResults || s.bytes > keptBytes && len(s.kept) > drop {
		s.bytes -= s.kept[drop].Bytes
		s.first = s.kept[drop].Result.Offset
		drop++
	}
	if drop > 0 {
		clear(s.kept[:drop]) // let go of what the shared array still holds
		s.kept = s.kept[drop:]
	}
	for sub := range s.all {
		sub.push(entries)
	}
}

func (s *subscribers) behind() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []int
	for sub := range s.all {
		sub.mu.Lock()
		list = append(list, len(sub.queue))
		sub.mu.Unlock()
	}
	slices.Sort(list)
	return list
}

func (s *subscriber) push(entries []store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		if r := entries[i].Result; r.Offset > s.after {
			s.queue = append(s.queue, r)
		}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Subscribe calls fn for every result after an offset, see Cell. It returns at
// once; the calls end with ctx or the follower.
func (f *Follower) Subscribe(ctx context.Context, after events.Offset, fn func(*fold.Result)) error {
	if err := f.Err(); err != nil {
		return err
	}
	s := &subscriber{after: after, wake: make(chan struct{}, 1)}
	f.subs.mu.Lock()
	defer f.subs.mu.Unlock()
	if after < f.subs.first {
		return fmt.Errorf("results after record %d are no longer in memory (from %d on they are): read the position, list, and subscribe from there", after, f.subs.first)
	}
	s.push(f.subs.kept)
	f.subs.all[s] = true
	go f.deliver(ctx, s, fn)
	return nil
}

func (f *Follower) deliver(ctx context.Context, s *subscriber, fn func(*fold.Result)) {
	defer func() {
		f.subs.mu.Lock()
		defer f.subs.mu.Unlock()
		delete(f.subs.all, s)
	}()
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		case <-f.ctx.Done():
			return
		}
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, r := range queue {
			if ctx.Err() != nil {
				return
			}
			fn(r)
		}
	}
}
