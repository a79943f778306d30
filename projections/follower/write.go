package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"

	"github.com/google/uuid"
)

// Write appends e and returns what became of it, see Cell.
func (f *Follower) Write(ctx context.Context, e *events.Event) (Written, error) {
	w, err := f.WriteAll(ctx, []*events.Event{e})
	if err != nil {
		return Written{}, err
	}
	return w[0], nil
}

// WriteAll appends es next to each other, see Cell. An event that comes with
// an id and a base keeps both: it is sent again, and folds once.
func (f *Follower) WriteAll(ctx context.Context, es []*events.Event) ([]Written, error) {
	if len(es) == 0 {
		return nil, nil
	}
	base := f.Position().Offset
	frames := make([][]byte, len(es))
	for i, e := range es {
		if err := stamp(e, base); err != nil {
			return nil, err
		}
		base = min(base, e.Base)
		if frames[i] = events.AppendFrame(nil, e); len(frames[i]) > ledger.MaxRecordBytes {
			return nil, fmt.Errorf("%s %s has %d bytes: %w", e.Type, e.Subject, len(frames[i]), ledger.ErrTooLarge)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	p := f.pendings.add(es)
	defer f.pendings.remove(p)
	first, err := f.send(ctx, frames, p, base)
	if err != nil {
		return nil, err
	}
	if first != events.NoOffset {
		if err := f.Wait(ctx, first+events.Offset(len(es)-1)); err != nil {
			return nil, fmt.Errorf("record %s stands at offset %d and is not folded yet: %w: %w", es[0].ID, first, ledger.ErrUnknown, err)
		}
	}
	out := make([]Written, len(es))
	for i := range es {
		at, folded := p.offset(i)
		if !folded {
			at = first + events.Offset(i)
		}
		if out[i], err = f.written(at, es[i].Subject); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func stamp(e *events.Event, base events.Offset) error {
	if e.ID != (events.ID{}) {
		if e.Base == 0 {
			e.Base = base
		}
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("no id for a record: %w", err)
	}
	e.ID, e.Base = events.ID(id), base
	return nil
}

// send appends the frames and returns the first one's offset. Where the ledger
// does not know what became of them, it sends the same bytes again: whichever
// copy is folded first counts, the others fold as duplicates. It returns
// NoOffset when all were seen folded, and so need no offset.
func (f *Follower) send(ctx context.Context, frames [][]byte, p *pending, base events.Offset) (events.Offset, error) {
	unknown := false
	for back := newBackOff(); ; {
		first, err := f.ledger.Append(ctx, frames)
		if err == nil {
			return first, nil
		}
		if !unknown && !errors.Is(err, ledger.ErrUnknown) {
			return events.NoOffset, err // nothing was appended
		}
		unknown = true
		back.wait(ctx, p.done)
		select {
		case <-p.done:
			return events.NoOffset, nil
		default:
		}
		if w := f.window(); w > 0 && f.Position().Offset > base+w {
			return events.NoOffset, fmt.Errorf("record %s was not folded within %d records and can't be any more: nothing was changed, try again", p.ids[0], w)
		}
		switch {
		case f.ctx.Err() != nil:
			<-f.done
			return events.NoOffset, fmt.Errorf("record %s: %w: %w", p.ids[0], ledger.ErrUnknown, f.Err())
		case ctx.Err() != nil, fatal(err):
			return events.NoOffset, fmt.Errorf("record %s: %w: %w", p.ids[0], ledger.ErrUnknown, errors.Join(ctx.Err(), err))
		}
	}
}

func (f *Follower) window() events.Offset {
	if c := f.Position().Cell; c != nil {
		return events.Offset(c.Window)
	}
	return 0
}

// written reads what became of the record at an offset; a duplicate has its
// first delivery's outcome.
func (f *Follower) written(at events.Offset, subject events.Ref) (Written, error) {
	r, err := f.Record(at)
	if err == nil && r.Outcome.Code == fold.Duplicate {
		at = r.Outcome.DuplicateOf
		r, err = f.Record(at)
	}
	if err != nil {
		return Written{}, err
	}
	ordinal := slices.Index(r.Changed, subject)
	if ordinal < 0 {
		ordinal = events.MaxOrdinal
	}
	return Written{Offset: at, Revision: events.RevisionOf(f.Position().R0, at, ordinal), Outcome: r.Outcome}, nil
}

// pendings finds by id what became of records whose append has no clear answer.
type pendings struct {
	mu   sync.Mutex
	byID map[events.ID][]*pending
}

// pending is the records of one call.
type pending struct {
	ids  []events.ID
	mu   sync.Mutex
	at   []events.Offset // NoOffset: not folded yet
	left int
	done chan struct{} // closed when all are folded
}

func (p *pending) offset(i int) (events.Offset, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[i], p.at[i] != events.NoOffset
}

func (s *pendings) add(es []*events.Event) *pending {
	p := &pending{left: len(es), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range es {
		p.ids, p.at = append(p.ids, e.ID), append(p.at, events.NoOffset)
		s.byID[e.ID] = append(s.byID[e.ID], p)
	}
	return p
}

func (s *pendings) remove(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// settle tells those who wait of the first delivery of their ids. What came
// too late says nothing: an earlier copy may have been accepted.
func (s *pendings) settle(results []*fold.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		if r.Event == nil || r.Outcome.Code == fold.Expired {
			continue
		}
		at := r.Offset
		if r.Outcome.Code == fold.Duplicate {
			at = r.Outcome.DuplicateOf
		}
		for _, p := range s.byID[r.Event.ID] {
			p.fold(r.Event.ID, at)
		}
	}
}

func (p *pending) fold(id events.ID, at events.Offset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.ids {
		if p.ids[i] == id && p.at[i] == events.NoOffset {
			p.at[i] = at
			if p.left--; p.left == 0 {
				close(p.done)
			}
			return
		}
	}
}
