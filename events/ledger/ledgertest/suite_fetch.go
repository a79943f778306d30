package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
)

func fetchBytes(t *testing.T, l ledger.Ledger) {
	big := bytes.Repeat([]byte("x"), 1000)
	for range 10 {
		mustAppend(t, l, big, big, big)
	}
	records, err := l.Fetch(t.Context(), 0, 1)
	if err != nil || len(records) != 1 {
		t.Fatalf("fetch of 1 byte: %d records, %v; want one record", len(records), err)
	}
	records, err = l.Fetch(t.Context(), 0, 5000)
	if err != nil || len(records) < 2 || len(records) > 6 {
		t.Fatalf("fetch of 5000 bytes: %d records of 1000, %v", len(records), err)
	}
}

func fetchAnywhere(t *testing.T, l ledger.Ledger) {
	const n = 60
	for i := 0; i < n; i += 3 {
		mustAppend(t, l, record(i), record(i+1), record(i+2))
	}
	for _, from := range []int{59, 0, 31, 1, 58, 30, 2} {
		records, err := l.Fetch(t.Context(), events.Offset(from), 1<<20)
		if err != nil || len(records) == 0 {
			t.Fatalf("fetch from %d: %d records, %v", from, len(records), err)
		}
		if records[0].Offset != events.Offset(from) || !bytes.Equal(records[0].Data, record(from)) {
			t.Fatalf("fetch from %d begins with offset %d, %q", from, records[0].Offset, records[0].Data)
		}
	}
}

func fetchWakes(t *testing.T, l ledger.Ledger) {
	mustAppend(t, l, []byte("a"))
	got := make(chan string, 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range cap(got) {
		go func() {
			records, err := l.Fetch(ctx, 1, 100)
			got <- fmt.Sprint(len(records), err)
		}()
	}
	select {
	case s := <-got:
		t.Fatalf("fetch at the end did not wait: %s", s)
	case <-time.After(20 * time.Millisecond): // long enough to see one that does not wait
	}
	mustAppend(t, l, []byte("b"))
	for range cap(got) {
		if s := <-got; s != "1 <nil>" {
			t.Fatalf("fetch that waited: %s, want one record", s)
		}
	}
}

func fetchContext(t *testing.T, l ledger.Ledger) {
	for _, ended := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		if ended {
			cancel()
		} else {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		start := time.Now()
		_, err := l.Fetch(ctx, 0, 100)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("fetch with a context that ends: %v, want context.Canceled", err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("fetch ended %v after its context", d)
		}
	}
}

func fetchBeyond(t *testing.T, l ledger.Ledger) {
	mustAppend(t, l, []byte("a"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := l.Fetch(ctx, 5, 100)
	var damage *ledger.Damage
	if !errors.As(err, &damage) {
		t.Fatalf("fetch from 5 of a ledger that ends at 1: %v, want *ledger.Damage", err)
	}
	if _, err := l.Fetch(ctx, -1, 100); err == nil || errors.As(err, &damage) {
		t.Fatalf("fetch from -1: %v, want an error that is no damage", err)
	}
}

func readPointLinear(t *testing.T, l ledger.Ledger) {
	var acknowledged atomic.Int64 // one past the highest offset any caller was told
	var done atomic.Int32
	const writers, readers = 4, 4
	concurrently(t, writers+readers, func(i int) error {
		if i >= writers {
			for done.Load() < writers {
				least := acknowledged.Load()
				end, err := l.ReadPoint(t.Context())
				if err != nil {
					return err
				}
				if int64(end) < least {
					return fmt.Errorf("read point %d, though offset %d had been acknowledged before", end, least-1)
				}
			}
			return nil
		}
		defer done.Add(1)
		for range 50 {
			first, err := l.Append(t.Context(), [][]byte{[]byte("x")})
			if err != nil {
				return err
			}
			for {
				old := acknowledged.Load()
				if old > int64(first) || acknowledged.CompareAndSwap(old, int64(first)+1) {
					break
				}
			}
		}
		return nil
	})
}

func times(t *testing.T, l ledger.Ledger) {
	before := time.Now().Add(-time.Second)
	for i := range 10 {
		mustAppend(t, l, record(i))
	}
	after := time.Now().Add(time.Second)
	last := int64(0)
	for _, r := range ReadAll(t, l) {
		at := time.Unix(0, r.Time)
		if r.Time < last || at.Before(before) || at.After(after) {
			t.Fatalf("record %d has time %v, want it between %v and %v and not before the one before it", r.Offset, at, before, after)
		}
		last = r.Time
	}
}

func closing(t *testing.T, l ledger.Ledger) {
	mustAppend(t, l, []byte("a"))
	waiting := make(chan error, 1)
	go func() {
		_, err := l.Fetch(context.Background(), 1, 100)
		waiting <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	select {
	case err := <-waiting:
		if !errors.Is(err, ledger.ErrClosed) {
			t.Fatalf("fetch that waited: %v, want ErrClosed", err)
		}
	case <-time.After(patience):
		t.Fatal("fetch still waits after Close")
	}
	if _, err := l.Append(context.Background(), [][]byte{[]byte("b")}); !errors.Is(err, ledger.ErrClosed) {
		t.Fatalf("append after Close: %v, want ErrClosed", err)
	}
	if _, err := l.Fetch(context.Background(), 0, 100); !errors.Is(err, ledger.ErrClosed) {
		t.Fatalf("fetch after Close: %v, want ErrClosed", err)
	}
	if _, err := l.ReadPoint(context.Background()); !errors.Is(err, ledger.ErrClosed) {
		t.Fatalf("read point after Close: %v, want ErrClosed", err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
}
