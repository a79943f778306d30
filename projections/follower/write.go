package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	s := sending{frames: make([][]byte, len(es)), base: events.NoOffset, fresh: true}
	for i, e := range es {
		fresh, err := stamp(e, base)
		if err != nil {
			return nil, err
		}
		if g, _ := e.Needs(); g > f.Position().Gate && f.Position().Cell != nil {
			return nil, fmt.Errorf("BUG: %s belongs to gate %s, and the active one is %s", e.Type, g, f.Position().Gate)
		}
		s.base, s.fresh = max(s.base, e.Base), s.fresh && fresh
		if s.frames[i] = events.AppendFrame(nil, e); len(s.frames[i]) > ledger.MaxRecordBytes {
			return nil, fmt.Errorf("%s %s has %d bytes: %w", e.Type, e.Subject, len(s.frames[i]), ledger.ErrTooLarge)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	s.pending = f.pendings.add(es)
	defer f.pendings.remove(s.pending)
	if err := f.send(ctx, &s); err != nil {
		return nil, err
	}
	out := make([]Written, len(es))
	for i := range es {
		var err error
		if out[i], err = f.written(s.pending.offset(i), es[i].Subject); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// stamp gives e an id and a base where it has none. fresh: it was never sent
// before, so no copy of it can stand in the ledger.
func stamp(e *events.Event, base events.Offset) (fresh bool, err error) {
	fresh = e.Base == 0
	if e.ID == (events.ID{}) {
		id, err := uuid.NewV7()
		if err != nil {
			return false, fmt.Errorf("no id for a record: %w", err)
		}
		e.ID, fresh = events.ID(id), true
	}
	if fresh {
		e.Base = base
	}
	return fresh, nil
}

// sending is the records of one call on their way.
type sending struct {
	frames  [][]byte
	base    events.Offset // the highest of them: past base+W none can be accepted
	fresh   bool          // none was sent by an earlier call
	pending *pending
}

// send appends the frames and returns once each has an outcome. Where the
// ledger does not know what became of them, it sends the same bytes again:
// whichever copy is folded first counts, the others fold as duplicates.
func (f *Follower) send(ctx context.Context, s *sending) error {
	p, unknown := s.pending, false
	for back := newBackOff(); ; {
		first, err := f.ledger.Append(ctx, s.frames)
		if err == nil {
			return f.await(ctx, p, first)
		}
		if !unknown && !errors.Is(err, ledger.ErrUnknown) {
			return err // nothing was appended
		}
		unknown = true
		back.wait(ctx, p.done)
		if ended, no := f.ended(s); ended {
			return no
		}
		switch {
		case f.ctx.Err() != nil:
			<-f.done
			return fmt.Errorf("record %s: %w: %w", p.ids[0], ledger.ErrUnknown, f.Err())
		case ctx.Err() != nil, fatal(err):
			return fmt.Errorf("record %s: %w: %w", p.ids[0], ledger.ErrUnknown, errors.Join(ctx.Err(), err))
		}
	}
}

// await waits until what was appended at first is folded and settled.
func (f *Follower) await(ctx context.Context, p *pending, first events.Offset) error {
	f.pendings.stand(p, first)
	var err error
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-f.done:
		err = f.Err()
	}
	return fmt.Errorf("record %s stands at offset %d and is not folded yet: %w: %w", p.ids[0], first, ledger.ErrUnknown, err)
}

// ended reports whether records whose append is unclear have their outcomes,
// or can't get any more: a record more than W behind its base is refused.
//
// That is judged by the settled offset, read before p is looked at. By the
// view's position, which moves on a moment before the outcomes of the same
// batch are handed out, a record that was just accepted got a no.
func (f *Follower) ended(s *sending) (bool, error) {
	through := events.Offset(f.pendings.through.Load())
	select {
	case <-s.pending.done:
		return true, nil
	default:
	}
	w := f.window()
	if w == 0 || through <= s.base+w || s.pending.begun() {
		return false, nil // begun: one call's records stand together, the rest comes
	}
	id := s.pending.ids[0]
	if !s.fresh {
		return true, fmt.Errorf("record %s was sent before and did not come again within %d records: %w: look for what it was to change", id, w, ledger.ErrUnknown)
	}
	return true, fmt.Errorf("record %s was not folded within %d records and can't be any more: nothing was changed, try again", id, w)
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
