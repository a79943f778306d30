package tally

import (
	"context"
	"log/slog"
	"time"

	"cairn/events"
	"cairn/projections/apiserver/storage"
)

const (
	window   = time.Minute
	queue    = 1024
	patience = 2 * time.Second // with one record
)

// apart is how many objects are told apart within a count: a refused write is
// part of its object's story, and a log read of its pod's. Beyond it they are
// counted together, so that names alone can't fill the ledger. Reads of the past
// are of no object in particular.
var apart = map[events.Type]int{events.RequestRefused: 8, events.SessionOpened: 64}

// Note is one request worth counting.
type Note struct {
	Type     events.Type // RequestRefused, PastRead, or SessionOpened for reads of logs
	Actor    events.Actor
	Verb     string
	Resource string // as in events.Ref's kind
	Subject  events.Ref
	UID      string // the subject's, where it is known
	Status   int    // HTTP
	Reason   string
}

type key struct {
	typ                 events.Type
	who, verb, resource string
	status              int
	subject             events.Ref // zero: all that are not told apart
	uid                 string
}

type count struct {
	note  Note
	since time.Time
	more  uint64 // beyond the first
}

// Tally counts notes.
type Tally struct {
	engine *storage.Engine
	notes  chan Note
	now    func() time.Time
	done   chan struct{}
}

// New starts a tally that ends with ctx.
func New(ctx context.Context, engine *storage.Engine) *Tally {
	t := &Tally{engine: engine, notes: make(chan Note, queue), now: time.Now, done: make(chan struct{})}
	go t.run(ctx)
	return t
}

// Add takes a note; where the queue is full it is dropped from the count.
func (t *Tally) Add(n Note) {
	select {
	case t.notes <- n:
	default:
		slog.Warn("requests are refused faster than they can be counted", "actor", n.Actor.Who(), "verb", n.Verb, "resource", n.Resource)
	}
}

// Done is closed once the tally has ended and written what it counted.
func (t *Tally) Done() <-chan struct{} { return t.done }

func (t *Tally) run(ctx context.Context) {
	defer close(t.done)
	open := counts{}
	tick := time.NewTicker(window / 4)
	defer tick.Stop()
	for {
		select {
		case n := <-t.notes:
			t.note(ctx, open, n)
		case <-tick.C:
			t.close(ctx, open, t.now().Add(-window))
		case <-ctx.Done():
			for len(t.notes) > 0 { // what was noted before the end counts
				t.note(ctx, open, <-t.notes)
			}
			t.close(ctx, open, t.now())
			return
		}
	}
}

// counts are those of minutes under way.
type counts map[key]*count

// place finds where n is counted: with its object, or with the rest.
func (c counts) place(n *Note) key {
	k := key{typ: n.Type, who: n.Actor.Who(), verb: n.Verb, resource: n.Resource, status: n.Status}
	own := k
	own.subject, own.uid = n.Subject, n.UID
	if c[own] != nil {
		return own
	}
	if apart[n.Type] == 0 {
		return k
	}
	told := 0
	for other := range c {
		other.subject, other.uid = k.subject, k.uid
		if other == k {
			told++
		}
	}
	if told < apart[n.Type] {
		return own
	}
	n.Subject, n.UID = events.Ref{Kind: n.Subject.Kind, Namespace: n.Subject.Namespace}, ""
	return k
}

// note counts n, and writes it where it is the first of its minute.
func (t *Tally) note(ctx context.Context, open counts, n Note) {
	k := open.place(&n)
	if c := open[k]; c != nil {
		c.more++
		return
	}
	open[k] = &count{note: n, since: t.now()}
	t.write(ctx, n, 1, t.now())
}

// close writes the counts of the minutes that began before the time given.
func (t *Tally) close(ctx context.Context, open counts, before time.Time) {
	for k, c := range open {
		if c.since.After(before) {
			continue
		}
		delete(open, k)
		if c.more > 0 {
			t.write(ctx, c.note, c.more, c.since)
		}
	}
}

func (t *Tally) write(ctx context.Context, n Note, times uint64, since time.Time) {
	// What is being written when the tally ends is written to its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	e := t.engine.NewEvent(ctx, n.Type, n.Subject, n.UID)
	e.Actor, e.Reason = n.Actor, n.Reason
	e.Facts.Denial = &events.Denial{Verb: n.Verb, Resource: n.Resource, Status: uint64(n.Status), Count: times, Since: since.Unix()}
	if _, err := t.engine.Append(ctx, e); err != nil {
		slog.Warn("a refusal could not be recorded", "actor", n.Actor.Who(), "error", err)
	}
}
