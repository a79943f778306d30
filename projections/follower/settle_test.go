package follower

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/ledgertest"
	"cairn/projections/fold"
)

// held is a ledger whose records from an offset on are fetched, all at once,
// only when it is opened.
type held struct {
	ledger.Ledger
	from events.Offset
	open chan struct{}
}

func (h held) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	if from >= h.from {
		select {
		case <-h.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return h.Ledger.Fetch(ctx, from, maxBytes)
}

// tried waits until a writer has appended once more. One that gave up never
// does: then the wait is over late, and the test goes on to fail.
func tried(l *ledgertest.FaultyLedger) {
	late := time.Now().Add(5 * time.Second)
	for n := len(l.Story()); len(l.Story()) == n && time.Now().Before(late); {
		time.Sleep(time.Millisecond)
	}
}

// The view's position moves on before those who wait for a record of the same
// batch are told: in between, a position past the window proves nothing.
func TestAPositionWhoseOutcomesAreNotSettledGivesNoDefiniteNo(t *testing.T) {
	inner := newLedger()
	appendAll(t, inner, firstRecord(3), withID(namespace("default"), 200))
	gate := make(chan struct{})
	l := ledgertest.Faulty(held{inner, 2, gate}, ledgertest.Faults{LoseAck: 1})
	f := follow(t, l)
	caughtUp(t, f)
	type answer struct {
		w   Written
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		w, err := f.Write(t.Context(), configMap("a"))
		answers <- answer{w, err}
	}()
	tried(l) // appended, and the acknowledgement lost
	for i := range 6 {
		appendAll(t, inner, withID(configMap(fmt.Sprint("other", i)), byte(i)))
	}
	f.pendings.mu.Lock() // the commit gets as far as the view
	close(gate)
	for f.Position().Offset < 8 {
		time.Sleep(time.Millisecond)
	}
	tried(l)
	f.pendings.mu.Unlock()
	a := <-answers
	if a.err != nil || !a.w.Outcome.Accepted() || a.w.Offset != 2 {
		t.Fatalf("the record stands accepted at 2, its writer is told %+v, %v", a.w, a.err)
	}
	if r, err := f.Record(2); err != nil || r.Outcome.Code != fold.OK {
		t.Fatal(r, err)
	}
}

// A record that an earlier call sent may have been accepted before this call
// looked: past its window nothing is known of it, and nothing is denied.
func TestARecordSentByAnEarlierCallIsNeverDenied(t *testing.T) {
	inner := newLedger()
	appendAll(t, inner, firstRecord(3), withID(namespace("default"), 200))
	l := ledgertest.Faulty(inner, ledgertest.Faults{LoseCall: 1})
	f := follow(t, l)
	caughtUp(t, f)
	e := configMap("a")
	e.ID, e.Base = events.ID{7}, 1
	appendAll(t, inner, e) // the earlier call's, accepted
	for i := range 4 {
		appendAll(t, inner, withID(configMap(fmt.Sprint("other", i)), byte(i)))
	}
	caughtUp(t, f)
	failed := make(chan error, 1)
	go func() {
		_, err := f.Write(t.Context(), e)
		failed <- err
	}()
	if err := <-failed; !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("the record stands accepted at 2, its writer is told %v", err)
	}
}

// The window of a call is that of its youngest record.
func TestACallIsNotDeniedForItsOldestBase(t *testing.T) {
	inner := newLedger()
	appendAll(t, inner, firstRecord(3), withID(namespace("default"), 200))
	for i := range 6 {
		appendAll(t, inner, withID(configMap(fmt.Sprint("other", i)), byte(i)))
	}
	l := ledgertest.Faulty(inner, ledgertest.Faults{LoseCall: 1})
	f := follow(t, l)
	caughtUp(t, f)
	old, young := configMap("old"), configMap("young")
	old.ID, old.Base = events.ID{7}, 1
	type answer struct {
		w   []Written
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		w, err := f.WriteAll(t.Context(), []*events.Event{old, young})
		answers <- answer{w, err}
	}()
	tried(l)
	tried(l) // its fate is looked at between two tries
	l.Calm()
	a := <-answers
	if a.err != nil || a.w[0].Outcome.Code != fold.Expired || !a.w[1].Outcome.Accepted() {
		t.Fatalf("%+v, %v", a.w, a.err)
	}
}

func TestARecordThatNobodyCanReadIsAnsweredToo(t *testing.T) {
	f := cell(t, newLedger())
	e := configMap("a")
	e.Type = "no.such.type"
	w, err := f.WriteAll(t.Context(), []*events.Event{configMap("b"), e})
	if err != nil || !w[0].Outcome.Accepted() || w[1].Outcome.Code != fold.Malformed || w[1].Offset != w[0].Offset+1 {
		t.Fatalf("%+v, %v", w, err)
	}
}
