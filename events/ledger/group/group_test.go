package group_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/group"
)

type outcome struct {
	first events.Offset
	err   error
}

func do(ctx context.Context, q *group.Queue, records ...[]byte) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		first, err := q.Do(ctx, records)
		c <- outcome{first, err}
	}()
	return c
}

func TestACallThatGaveUpInTheQueueIsNeverTaken(t *testing.T) {
	q := group.New(group.Limits{GroupBytes: 10, GroupRecords: 10, QueueBytes: 100, QueueRecords: 100})
	ctx, cancel := context.WithCancel(t.Context())
	gone := do(ctx, q, []byte("gone"))
	cancel()
	if o := <-gone; !errors.Is(o.err, context.Canceled) || errors.Is(o.err, ledger.ErrUnknown) {
		t.Fatalf("a call cancelled in the queue: %v, want a plain context.Canceled", o.err)
	}
	stays := do(t.Context(), q, []byte("stays"))
	calls := q.Take()
	if len(calls) != 1 || string(calls[0].Records[0]) != "stays" {
		t.Fatalf("took %d calls, first %q; want only %q", len(calls), calls[0].Records[0], "stays")
	}
	group.Resolve(calls, 7, nil)
	if o := <-stays; o.first != 7 || o.err != nil {
		t.Fatalf("outcome %v, want offset 7", o)
	}
}

func TestACallThatGaveUpOnceTakenIsUnknown(t *testing.T) {
	q := group.New(group.Limits{GroupBytes: 10, GroupRecords: 10, QueueBytes: 100, QueueRecords: 100})
	ctx, cancel := context.WithCancel(t.Context())
	c := do(ctx, q, []byte("x"))
	calls := q.Take()
	cancel()
	if o := <-c; !errors.Is(o.err, ledger.ErrUnknown) || !errors.Is(o.err, context.Canceled) {
		t.Fatalf("a call cancelled in flight: %v, want ErrUnknown", o.err)
	}
	group.Resolve(calls, 0, nil) // must not block though nobody listens
}

func TestGroupsCloseByBytesAndByCountAndKeepTheOrder(t *testing.T) {
	q := group.New(group.Limits{GroupBytes: 10, GroupRecords: 3, QueueBytes: 1000, QueueRecords: 1000})
	var waits []<-chan outcome
	queued := func(n int) { // waits until n calls are in the queue, so that their order is known
		for q.Len() < n {
			runtime.Gosched()
		}
	}
	for i, r := range []string{"aaaa", "bbbb", "cccc", "d", "e", "f", "0123456789abcdef", "g"} {
		waits = append(waits, do(t.Context(), q, []byte(r)))
		queued(i + 1)
	}
	var got []string
	next := events.Offset(0)
	for len(got) < 4 {
		calls, s := q.Take(), ""
		for _, c := range calls {
			s += string(c.Records[0]) + " "
		}
		got = append(got, s)
		group.Resolve(calls, next, nil)
		next += events.Offset(len(calls))
	}
	want := []string{"aaaa bbbb ", "cccc d e ", "f ", "0123456789abcdef "}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("group %d: %q, want %q", i, got[i], want[i])
		}
	}
	group.Resolve(q.Take(), next, nil)
	for i, w := range waits {
		if o := <-w; o.err != nil || o.first != events.Offset(i) {
			t.Errorf("call %d: %v", i, o)
		}
	}
}

func TestCallersWaitForRoomAndAreServedLater(t *testing.T) {
	for name, limits := range map[string]group.Limits{
		"by bytes": {GroupBytes: 4, GroupRecords: 10, QueueBytes: 4, QueueRecords: 10},
		"by count": {GroupBytes: 4, GroupRecords: 10, QueueBytes: 1000, QueueRecords: 1},
	} {
		t.Run(name, func(t *testing.T) { waitForRoom(t, group.New(limits)) })
	}
}

func waitForRoom(t *testing.T, q *group.Queue) {
	a := do(t.Context(), q, []byte("aaaa"))
	for q.Len() < 1 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := do(ctx, q, []byte("bbbb"))
	cancel() // it never gets in
	if o := <-b; !errors.Is(o.err, context.Canceled) {
		t.Fatalf("waiting for room: %v", o.err)
	}
	c := do(t.Context(), q, []byte("cccc"))
	if q.Len() != 1 {
		t.Fatalf("%d calls are in a queue for one", q.Len())
	}
	group.Resolve(q.Take(), 0, nil)
	group.Resolve(q.Take(), 1, nil)
	if o := <-a; o.err != nil || o.first != 0 {
		t.Fatalf("first: %v", o)
	}
	if o := <-c; o.err != nil || o.first != 1 {
		t.Fatalf("third: %v", o)
	}
}

func TestEndRefusesWhatWaitsAndWakesTheCommitter(t *testing.T) {
	q := group.New(group.Limits{GroupBytes: 4, GroupRecords: 10, QueueBytes: 100, QueueRecords: 100})
	a := do(t.Context(), q, []byte("a"))
	for q.Len() < 1 {
		runtime.Gosched()
	}
	q.End(ledger.ErrClosed)
	if o := <-a; !errors.Is(o.err, ledger.ErrClosed) {
		t.Fatalf("waiting call: %v", o.err)
	}
	if calls := q.Take(); calls != nil {
		t.Fatalf("took %d calls after the end", len(calls))
	}
	if o := <-do(t.Context(), q, []byte("b")); !errors.Is(o.err, ledger.ErrClosed) {
		t.Fatalf("later call: %v", o.err)
	}
}
