package ledgertest

import (
	"bytes"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
)

// RunReopen checks that a ledger keeps all across Close and open. fresh
// prepares an empty store and returns what opens it, each time the same one.
func RunReopen(t *testing.T, fresh func(t *testing.T) func() ledger.Ledger) {
	t.Run("what was acknowledged is there when opened again", func(t *testing.T) {
		open := fresh(t)
		var want []ledger.Record
		next := 0
		for round := range 4 {
			l := open()
			t.Cleanup(func() { _ = l.Close() })
			got := ReadAll(t, l)
			same(t, got, want)
			for range round * 7 { // round 0 closes an empty ledger
				first := mustAppend(t, l, record(next), record(next+1))
				if first != events.Offset(next) {
					t.Fatalf("round %d: append went to offset %d, want %d", round, first, next)
				}
				next += 2
			}
			want = ReadAll(t, l)
			if err := l.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
		}
		l := open()
		t.Cleanup(func() { _ = l.Close() })
		got := ReadAll(t, l)
		same(t, got, want)
		last := int64(0)
		for i, r := range got {
			if !bytes.Equal(r.Data, record(i)) || r.Time < last {
				t.Fatalf("offset %d holds %q at time %d after %d", i, r.Data, r.Time, last)
			}
			last = r.Time
		}
	})
}

// same fails unless got is want: offset, time and bytes.
func same(t *testing.T, got, want []ledger.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Offset != want[i].Offset || got[i].Time != want[i].Time || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("record %d is %v, want %v", i, got[i], want[i])
		}
	}
}
