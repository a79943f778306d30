package follower

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/ledgertest"
	"cairn/projections/fold"
)

func TestAWriteAnswersWithTheFoldsOutcome(t *testing.T) {
	f := cell(t, newLedger())
	w, err := f.Write(t.Context(), configMap("a"))
	must(t, err)
	o, err := f.Get(configMap("a").Subject, 0)
	if err != nil || !w.Outcome.Accepted() || o.Revision != w.Revision || o.Spec == nil || w.Offset != 2 {
		t.Fatalf("%+v, %+v, %v", w, o, err)
	}
	again, err := f.Write(t.Context(), configMap("a"))
	if err != nil || again.Outcome.Code != fold.Exists || again.Revision != events.RevisionOf(1000, 3, events.MaxOrdinal) {
		t.Fatalf("%+v, %v", again, err)
	}
	stale := &events.Event{Type: events.ObjectDeleted, Subject: o.Ref, Require: events.Precondition{Written: 1}}
	if w, err := f.Write(t.Context(), stale); err != nil || w.Outcome.Code != fold.Moved {
		t.Fatalf("%+v, %v", w, err)
	}
	both, err := f.WriteAll(t.Context(), []*events.Event{configMap("b"), configMap("a"), configMap("c")})
	if err != nil || !both[0].Outcome.Accepted() || both[1].Outcome.Code != fold.Exists || both[2].Offset != both[0].Offset+2 {
		t.Fatalf("%+v, %v", both, err)
	}
}

func TestARecordSentAgainAnswersWithItsFirstOutcome(t *testing.T) {
	f := cell(t, newLedger())
	e := configMap("a")
	first, err := f.Write(t.Context(), e)
	must(t, err)
	base := e.Base
	second, err := f.Write(t.Context(), e)
	if err != nil || !reflect.DeepEqual(second, first) || e.Base != base {
		t.Fatalf("%+v, then %+v, %v", first, second, err)
	}
	if r, err := f.Record(3); err != nil || r.Outcome.Code != fold.Duplicate || r.Outcome.DuplicateOf != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// Calls and acknowledgements get lost, come late and double; every write still
// gets its one true outcome, and happens at most once.
func TestLostAcknowledgementsAreSettledByID(t *testing.T) {
	for seed := range uint64(3) {
		inner := newLedger()
		l := ledgertest.Faulty(inner, ledgertest.Faults{Seed: seed, LoseCall: 0.15, LoseAck: 0.15, Late: 0.15, Duplicate: 0.15, MaxLate: 4})
		f := cell(t, inner, func(o *Options) { o.Ledger = l })
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				e := configMap(fmt.Sprint("c", i/2)) // two for each name
				w, err := f.Write(t.Context(), e)
				if err != nil {
					t.Error(err)
					return
				}
				if code := w.Outcome.Code; code != fold.OK && code != fold.Exists {
					t.Errorf("%d: %+v", i, w)
				}
				if r, err := f.Record(w.Offset); err != nil || r.Subject != e.Subject || !reflect.DeepEqual(r.Outcome, w.Outcome) {
					t.Errorf("%d: %+v is not record %+v, %v", i, w, r, err)
				}
			})
		}
		wg.Wait()
		must(t, l.Deliver(t.Context()))
		caughtUp(t, f)
		accepted := map[string]int{}
		for o := events.Offset(2); o <= f.Position().Offset; o++ {
			r, err := f.Record(o)
			must(t, err)
			if r.Outcome.Accepted() {
				accepted[r.Subject.Name]++
			}
		}
		for i := range 12 {
			if n := accepted[fmt.Sprint("c", i)]; n != 1 {
				t.Fatalf("seed %d: c%d was accepted %d times; fates: %v", seed, i, n, l.Story())
			}
		}
	}
}

func TestAnOutcomeThatStaysUnknownNamesTheRecord(t *testing.T) {
	inner := newLedger()
	l := ledgertest.Faulty(inner, ledgertest.Faults{LoseCall: 1})
	f := cell(t, inner, func(o *Options) { o.Ledger = l })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	e := configMap("a")
	_, err := f.Write(ctx, e)
	if !errors.Is(err, ledger.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), e.ID.String()) {
		t.Fatal(err)
	}
	l.Calm()
	if w, err := f.Write(t.Context(), e); err != nil || !w.Outcome.Accepted() {
		t.Fatal("sent again:", w, err)
	}
}

// Beyond its window a record can't be accepted any more: the answer is no.
func TestAnUnknownOutcomeBecomesANo(t *testing.T) {
	inner := newLedger()
	appendAll(t, inner, firstRecord(3), withID(namespace("default"), 200))
	l := ledgertest.Faulty(inner, ledgertest.Faults{LoseCall: 1})
	f := follow(t, inner, func(o *Options) { o.Ledger = l })
	caughtUp(t, f)
	failed := make(chan error, 1)
	go func() {
		_, err := f.Write(t.Context(), configMap("a"))
		failed <- err
	}()
	for len(l.Story()) == 0 { // until the call was lost once
		time.Sleep(time.Millisecond)
	}
	for i := range 6 {
		appendAll(t, inner, withID(configMap("other"), byte(i)))
	}
	if err := <-failed; err == nil || errors.Is(err, ledger.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestATooLargeRecordIsRefusedBeforeAppend(t *testing.T) {
	l := newLedger()
	f := cell(t, l)
	e := configMap("big")
	e.Parts[0].Data = make([]byte, ledger.MaxRecordBytes)
	if _, err := f.WriteAll(t.Context(), []*events.Event{configMap("small"), e}); !errors.Is(err, ledger.ErrTooLarge) {
		t.Fatal(err)
	}
	if end, err := l.ReadPoint(t.Context()); end != 2 || err != nil {
		t.Fatal(end, err)
	}
}

func TestARefusedAppendIsTheCallersError(t *testing.T) {
	inner := newLedger()
	l := ledgertest.Faulty(inner, ledgertest.Faults{Fail: 1})
	f := cell(t, inner, func(o *Options) { o.Ledger = l })
	if _, err := f.Write(t.Context(), configMap("a")); !errors.Is(err, ledger.ErrUnreachable) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatal(err)
	}
}
