package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
)

// patience bounds what should take milliseconds.
const patience = 30 * time.Second

// Run checks a driver against the contract. open returns a new, empty ledger
// for each test in it; Run closes it.
func Run(t *testing.T, open func(t *testing.T) ledger.Ledger) {
	tests := []struct {
		name string
		run  func(*testing.T, ledger.Ledger)
	}{
		{"an empty ledger ends at 0", emptyEndsAtZero},
		{"records come back in order with contiguous offsets", orderAndContiguity},
		{"the records of one call lie next to each other", callsStayWhole},
		{"concurrent appends each get an offset of their own", concurrentAppends},
		{"a record of the largest size comes back whole", largestRecord},
		{"a call that is too large does not fail its neighbours", tooLargeAlone},
		{"an append of nothing is refused", nothingRefused},
		{"an append with an ended context appends nothing", endedContext},
		{"fetch takes about as many bytes as asked and at least one record", fetchBytes},
		{"fetch starts anywhere", fetchAnywhere},
		{"fetch waits at the end and wakes", fetchWakes},
		{"fetch ends with its context", fetchContext},
		{"fetch beyond the end is damage", fetchBeyond},
		{"a read point covers all that was acknowledged before it", readPointLinear},
		{"times never go back and are about now", times},
		{"close ends waiting calls and refuses new ones", closing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := open(t)
			t.Cleanup(func() { _ = l.Close() })
			test.run(t, l)
		})
	}
}

// RunMonotone checks that ledger times never go back, whatever the clock
// behind l does.
func RunMonotone(t *testing.T, l ledger.Ledger) {
	t.Cleanup(func() { _ = l.Close() })
	for i := range 20 {
		mustAppend(t, l, record(i))
	}
	last := int64(0)
	for _, r := range ReadAll(t, l) {
		if r.Time < last {
			t.Fatalf("record %d has time %d, the one before it %d", r.Offset, r.Time, last)
		}
		last = r.Time
	}
}

// ReadAll returns every record of l up to its read point.
func ReadAll(t testing.TB, l ledger.Ledger) []ledger.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end, err := l.ReadPoint(ctx)
	if err != nil {
		t.Fatalf("read point: %v", err)
	}
	var all []ledger.Record
	for next := events.Offset(0); next < end; next = events.Offset(len(all)) {
		records, err := l.Fetch(ctx, next, 1<<20)
		if err != nil {
			t.Fatalf("fetch from %d of %d: %v", next, end, err)
		}
		for i, r := range records {
			if r.Offset != next+events.Offset(i) {
				t.Fatalf("fetch from %d: record %d of the answer has offset %d", next, i, r.Offset)
			}
		}
		all = append(all, records...)
	}
	return all
}

func record(i int) []byte { return fmt.Appendf(nil, "record %06d", i) }

func mustAppend(t testing.TB, l ledger.Ledger, records ...[]byte) events.Offset {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, err := l.Append(ctx, records)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return first
}

func mustEnd(t testing.TB, l ledger.Ledger) events.Offset {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end, err := l.ReadPoint(ctx)
	if err != nil {
		t.Fatalf("read point: %v", err)
	}
	return end
}

func emptyEndsAtZero(t *testing.T, l ledger.Ledger) {
	if end := mustEnd(t, l); end != 0 {
		t.Fatalf("the end is %d, want 0", end)
	}
	if first := mustAppend(t, l, []byte("first")); first != 0 {
		t.Fatalf("the first record's offset is %d, want 0", first)
	}
}

func orderAndContiguity(t *testing.T, l ledger.Ledger) {
	const n = 100
	for i := range n {
		if first := mustAppend(t, l, record(i)); first != events.Offset(i) {
			t.Fatalf("append %d went to offset %d", i, first)
		}
	}
	all := ReadAll(t, l)
	if len(all) != n {
		t.Fatalf("read %d records, want %d", len(all), n)
	}
	for i, r := range all {
		if !bytes.Equal(r.Data, record(i)) {
			t.Fatalf("offset %d holds %q, want %q", i, r.Data, record(i))
		}
	}
}

// concurrently runs f for 0..n-1 at once and fails the test on an error.
func concurrently(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func callsStayWhole(t *testing.T, l ledger.Ledger) {
	const callers, calls = 8, 10
	concurrently(t, callers, func(c int) error {
		for i := range calls {
			var records [][]byte
			for part := range 5 {
				records = append(records, fmt.Appendf(nil, "%d/%d/%d", c, i, part))
			}
			if _, err := l.Append(t.Context(), records); err != nil {
				return err
			}
		}
		return nil
	})
	all := ReadAll(t, l)
	if len(all) != callers*calls*5 {
		t.Fatalf("read %d records, want %d", len(all), callers*calls*5)
	}
	for i := 0; i < len(all); i += 5 {
		call := bytes.TrimSuffix(all[i].Data, []byte("/0"))
		for part := range 5 {
			if want := fmt.Sprintf("%s/%d", call, part); string(all[i+part].Data) != want {
				t.Fatalf("offset %d holds %q, want %q", i+part, all[i+part].Data, want)
			}
		}
	}
}

func concurrentAppends(t *testing.T, l ledger.Ledger) {
	const callers, each = 32, 20
	var mu sync.Mutex
	at := map[events.Offset]string{}
	concurrently(t, callers, func(c int) error {
		last := events.NoOffset
		for i := range each {
			data := fmt.Sprintf("%d.%d", c, i)
			first, err := l.Append(t.Context(), [][]byte{[]byte(data)})
			if err != nil {
				return err
			}
			if first <= last {
				return fmt.Errorf("caller %d: offset %d after %d", c, first, last)
			}
			last = first
			mu.Lock()
			at[first] = data
			mu.Unlock()
		}
		return nil
	})
	all := ReadAll(t, l)
	if len(all) != callers*each || len(at) != callers*each {
		t.Fatalf("%d records, %d distinct offsets, want %d", len(all), len(at), callers*each)
	}
	for _, r := range all {
		if string(r.Data) != at[r.Offset] {
			t.Fatalf("offset %d holds %q, its caller was told %q", r.Offset, r.Data, at[r.Offset])
		}
	}
}
