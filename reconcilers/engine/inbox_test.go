package engine

import (
	"context"
	"testing"

	"cairn/events"
	"cairn/projections/fold"
)

func TestAnInboxIsBoundedAndKeepsNoBodies(t *testing.T) {
	box, body := newInbox(), &events.Part{Data: make([]byte, 1<<20)}
	ctx, cancel := context.WithCancel(t.Context())
	full := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			box.put(ctx, &fold.Result{Offset: events.Offset(n), Changes: []fold.Change{{Spec: body, Status: body}}})
		}
		full <- n
	}()
	taken := events.Offset(0)
	one := weight(&fold.Result{Changes: make([]fold.Change, 1)})
	for int(taken) < 3*inboxBytes/one {
		<-box.came
		for _, r := range box.take() {
			if r.Offset != taken || r.Changes[0].Spec != nil || r.Changes[0].Status != nil {
				t.Fatalf("after %d: %+v", taken, r)
			}
			taken++
		}
	}
	cancel()
	if n := <-full; (n-int(taken))*one > inboxBytes+1<<12 {
		t.Errorf("%d results were put, %d taken", n, taken)
	}
}
