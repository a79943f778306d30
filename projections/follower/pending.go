package follower

import (
	"slices"
	"sync"
	"sync/atomic"

	"cairn/events"
	"cairn/projections/fold"
)

// pendings finds by id what became of records that wait for their outcome.
//
// Invariant: who waits was told of every record up to through.
type pendings struct {
	mu       sync.Mutex
	byID     map[events.ID][]*pending
	standing map[events.Offset]*pending // those with a place in the ledger, by the offset of their last record
	through  atomic.Int64
}

// pending is the records of one call.
type pending struct {
	ids   []events.ID
	first events.Offset // where a copy stands; NoOffset: not known

	mu   sync.Mutex
	at   []events.Offset // of the copy that counts; NoOffset: not folded yet
	left int
	done chan struct{} // closed when all are folded
}

func (p *pending) offset(i int) events.Offset {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[i]
}

// begun reports whether some of the records were folded.
func (p *pending) begun() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left < len(p.ids)
}

func (s *pendings) add(es []*events.Event) *pending {
	p := &pending{first: events.NoOffset, left: len(es), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range es {
		p.ids, p.at = append(p.ids, e.ID), append(p.at, events.NoOffset)
		s.byID[e.ID] = append(s.byID[e.ID], p)
	}
	return p
}

// stand notes where a call's records stand. So a record that its frame's reader
// refuses, and that has no id therefore, gets its outcome too.
func (s *pendings) stand(p *pending, first events.Offset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.first = first
	if last := p.last(); int64(last) <= s.through.Load() {
		p.fill()
	} else {
		s.standing[last] = p
	}
}

func (p *pending) last() events.Offset { return p.first + events.Offset(len(p.ids)-1) }

func (s *pendings) remove(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.first != events.NoOffset {
		delete(s.standing, p.last())
	}
	for _, id := range p.ids {
		if s.byID[id] = slices.DeleteFunc(s.byID[id], func(x *pending) bool { return x == p }); len(s.byID[id]) == 0 {
			delete(s.byID, id)
		}
	}
}

func (s *pendings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// settle hands out what the first copy of each id became, in ledger order, once
// it is readable in the view.
//
// A copy that came too late counts like any other: the copies before it were
// settled before it, and those after it come too late as well.
func (s *pendings) settle(results []*fold.Result) {
	if len(results) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		at := r.Offset
		if r.Outcome.Code == fold.Duplicate {
			at = r.Outcome.DuplicateOf
		}
		if r.Event != nil {
			for _, p := range s.byID[r.Event.ID] {
				p.fold(r.Event.ID, at)
			}
		}
		if p := s.standing[r.Offset]; p != nil {
			p.fill()
		}
	}
	s.through.Store(int64(results[len(results)-1].Offset))
}

// fold notes where the copy of an id stands that counts.
func (p *pending) fold(id events.ID, at events.Offset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.ids {
		if p.ids[i] == id && p.at[i] == events.NoOffset {
			p.set(i, at)
			return
		}
	}
}

// fill gives what was not found by its id the outcome at its place.
func (p *pending) fill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.ids {
		if p.at[i] == events.NoOffset {
			p.set(i, p.first+events.Offset(i))
		}
	}
}

func (p *pending) set(i int, at events.Offset) {
	p.at[i] = at
	if p.left--; p.left == 0 {
		close(p.done)
	}
}
