package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/message"
	"cairn/projections/view"
)

// Source is what answers are made from: a view, and the ledger's own records
// for what a view does not keep.
type Source interface {
	view.Reads
	// Event returns the record at o as its writer wrote it; an error that wraps
	// events.ErrMalformed where it can't be read.
	Event(ctx context.Context, o events.Offset) (*events.Event, error)
}

// From joins a view and the ledger it was folded from.
func From(reads view.Reads, log ledger.Ledger) Source { return &source{Reads: reads, log: log} }

type source struct {
	view.Reads
	log ledger.Ledger
}

// Event fetches one record; a record folded is a record that is there.
func (s *source) Event(ctx context.Context, o events.Offset) (*events.Event, error) {
	recs, err := s.fetch(ctx, o, 1)
	if err != nil {
		return nil, err
	}
	return events.ReadFrame(recs[0].Data)
}

// fetch fetches records from o on: one at least, and about so many bytes.
func (s *source) fetch(ctx context.Context, o events.Offset, bytes int) ([]ledger.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	recs, err := s.log.Fetch(ctx, o, bytes)
	if err != nil {
		return nil, fmt.Errorf("fetch record %d: %w", o, err)
	}
	for i, r := range recs {
		if r.Offset != o+events.Offset(i) {
			recs = recs[:i]
			break
		}
	}
	if len(recs) == 0 {
		return nil, fmt.Errorf("fetch record %d: the ledger answered with another", o)
	}
	return recs, nil
}

// inOrder gives src for one goroutine that reads records in order: where it can,
// it fetches many at once. One by one, each is looked for in the ledger anew:
// 160,000 took 14 s.
func inOrder(src Source) Source {
	if s, ok := src.(*source); ok {
		return &ahead{source: s}
	}
	return src
}

// ahead is a source that fetches ahead of who reads in order.
type ahead struct {
	*source
	chunk []ledger.Record // without a gap
}

const (
	aheadBytes = 1 << 20
	aheadNear  = 64 // records passed over, at most, by who still reads in order
)

func (a *ahead) Event(ctx context.Context, o events.Offset) (*events.Event, error) {
	next := events.Offset(-1)
	if n := len(a.chunk); n > 0 {
		first := a.chunk[0].Offset
		if o >= first && o < first+events.Offset(n) {
			return events.ReadFrame(a.chunk[o-first].Data)
		}
		next = first + events.Offset(n)
	}
	bytes := 1
	if o >= next && o-next <= aheadNear {
		bytes = aheadBytes
	}
	recs, err := a.fetch(ctx, o, bytes)
	if err != nil {
		return nil, err
	}
	a.chunk = recs
	return events.ReadFrame(recs[0].Data)
}

// Entry is one record as `cairn events` shows it. Bodies are left out.
type Entry struct {
	Offset  events.Offset   `json:"offset"`
	ID      string          `json:"id,omitempty"`
	Time    time.Time       `json:"time"`              // ledger time
	Claimed *time.Time      `json:"claimed,omitempty"` // the writer's clock
	Type    events.Type     `json:"type"`
	Subject events.Ref      `json:"subject"`
	UID     string          `json:"uid,omitempty"`
	Actor   events.Actor    `json:"actor"`
	Who     string          `json:"who"`
	Base    events.Offset   `json:"base"`
	Cause   []events.Offset `json:"cause,omitempty"`
	Reason  string          `json:"reason,omitempty"`

	Accepted    bool           `json:"accepted"`
	Outcome     string         `json:"outcome"`           // ok, moved, exists, ...
	Code        string         `json:"code,omitempty"`    // why, for machines: stable
	Refusal     string         `json:"refusal,omitempty"` // why, for people
	DuplicateOf *events.Offset `json:"duplicateOf,omitempty"`

	Bytes   int          `json:"bytes"`
	Changed []events.Ref `json:"changed,omitempty"`
	Text    string       `json:"text"` // one sentence
}

// Describe makes the entry of the record at o.
func Describe(ctx context.Context, src Source, o events.Offset) (*Entry, error) {
	rec, err := src.Record(o)
	if err != nil {
		return nil, err
	}
	return describe(ctx, src, rec)
}

func describe(ctx context.Context, src Source, rec *view.Record) (*Entry, error) {
	e := &Entry{
		Offset: rec.Offset, Time: time.Unix(0, rec.Time).UTC(), Type: rec.Type, Subject: rec.Subject, Who: rec.Actor,
		Accepted: rec.Outcome.Accepted(), Outcome: rec.Outcome.Code.String(), Refusal: message.Outcome(rec.Outcome), Code: rec.Outcome.Reason.String(),
		Bytes: rec.Bytes, Changed: rec.Changed,
	}
	if rec.Outcome.Code.String() == "duplicate" {
		e.DuplicateOf = &rec.Outcome.DuplicateOf
	}
	ev, err := src.Event(ctx, rec.Offset)
	if errors.Is(err, events.ErrMalformed) {
		e.Text = fmt.Sprintf("a record that cannot be read (%v)", err)
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	e.ID, e.UID, e.Actor, e.Base, e.Cause, e.Reason = ev.ID.String(), ev.UID, ev.Actor, ev.Base, ev.Cause, ev.Reason
	e.Who = ev.Actor.Who()
	if ev.Claimed != 0 {
		t := time.Unix(0, ev.Claimed).UTC()
		e.Claimed = &t
	}
	e.Text = sentence(ev, before(src, rec, ev), e.Accepted)
	if !e.Accepted {
		e.Text += refusal(rec.Outcome)
	}
	return e, nil
}

// before returns the subject's facts as they were ahead of an update, or nil.
func before(src view.Reads, rec *view.Record, ev *events.Event) *events.Facts {
	if ev.Type != events.ObjectUpdated || rec.Offset == 0 || !rec.Outcome.Accepted() {
		return nil
	}
	obj, err := src.Get(ev.Subject, events.RevisionOf(src.Position().R0, rec.Offset-1, events.MaxOrdinal))
	if err != nil {
		return nil
	}
	return obj.Facts
}
