package follower

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// subscribe has fn called on a goroutine; how it ended is answered.
func subscribe(ctx context.Context, f *Follower, after events.Offset, fn func(*fold.Result)) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- f.Subscribe(ctx, after, fn) }()
	return ended
}

func TestSubscribersGetEveryResultInOrder(t *testing.T) {
	f := cell(t, newLedger())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := f.Subscribe(ctx, -5, func(*fold.Result) {}); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "list") {
		t.Fatal(err)
	}
	slow := make(chan struct{})
	subscribe(ctx, f, 1, func(*fold.Result) { <-slow })
	seen := make(chan events.Offset, 200)
	ended := subscribe(ctx, f, 1, func(r *fold.Result) {
		if f.Position().Offset < r.Offset {
			t.Errorf("record %d came before it was readable", r.Offset)
		}
		seen <- r.Offset
	})
	for i := range 100 {
		_, err := f.Write(t.Context(), configMap(fmt.Sprint("c", i)))
		must(t, err)
	}
	late := make(chan events.Offset, 200)
	subscribe(ctx, f, 50, func(r *fold.Result) { late <- r.Offset })
	for want := events.Offset(2); want < 102; want++ {
		expect(t, seen, want)
	}
	for want := events.Offset(51); want < 102; want++ {
		expect(t, late, want)
	}
	if s := f.Stats(); len(s.Behind) != 3 || s.Behind[2] != 100 || s.Folded != 101 || s.Lag != 0 {
		t.Fatalf("%+v", s)
	}
	cancel()
	close(slow)
	if err := how(t, ended); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for len(f.Stats().Behind) > 0 {
		time.Sleep(time.Millisecond)
	}
}

// Who hangs is ended once what it has before it is more than is kept for all;
// the fold and the others go on, and nothing is kept for it.
func TestASubscriberThatHangsIsEndedAndPinsNothing(t *testing.T) {
	const keep = 64 << 10
	f := cell(t, newLedger(), func(o *Options) { o.KeepBytes = keep })
	hang := make(chan struct{})
	hung := subscribe(t.Context(), f, 1, func(*fold.Result) { <-hang })
	seen := make(chan events.Offset, 200)
	subscribe(t.Context(), f, 1, func(r *fold.Result) { seen <- r.Offset })
	for i := range 100 {
		e := configMap(fmt.Sprint("c", i))
		e.Parts[0].Data = make([]byte, 10_000)
		_, err := f.Write(t.Context(), e)
		must(t, err)
		expect(t, seen, events.Offset(2+i))
	}
	f.subs.mu.Lock()
	if f.subs.bytes > keep || len(f.subs.kept) < 2 || len(f.subs.kept) > 6 {
		t.Errorf("%d results of %d bytes are kept, at most %d bytes may be", len(f.subs.kept), f.subs.bytes, keep)
	}
	f.subs.mu.Unlock()
	close(hang)
	if err := how(t, hung); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "list as of the position") {
		t.Fatal(err)
	}
}

func TestASubscriptionEndsWithTheFollower(t *testing.T) {
	f := cell(t, newLedger())
	ended := subscribe(t.Context(), f, 1, func(*fold.Result) {})
	f.Stop()
	if err := how(t, ended); !errors.Is(err, view.ErrStopped) {
		t.Fatal(err)
	}
}

func how(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the subscription never ended")
		return nil
	}
}

func expect(t *testing.T, from chan events.Offset, want events.Offset) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Fatalf("result %d came where %d is next", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("result %d never came", want)
	}
}
