package ledgertest_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/memory"
)

var half = ledgertest.Faults{Seed: 7, Fail: .1, LoseCall: .1, LoseAck: .1, Late: .1, Duplicate: .1, MaxLate: 5}

func clock() int64 { return 1 }

func TestWithoutFaultsItPassesTheSuite(t *testing.T) {
	ledgertest.RunReopen(t, func(*testing.T) func() ledger.Ledger {
		m := memory.New(clock)
		return func() ledger.Ledger {
			m = m.Reopen()
			return ledgertest.Faulty(m, ledgertest.Faults{})
		}
	})
	ledgertest.Run(t, func(*testing.T) ledger.Ledger {
		return ledgertest.Faulty(memory.New(func() int64 { return time.Now().UnixNano() }), ledgertest.Faults{})
	})
}

func TestWhatItSaysIsTrue(t *testing.T) {
	m := memory.New(clock)
	l := ledgertest.Faulty(m, half)
	const n = 500
	told := map[string]string{}
	at := map[string]events.Offset{}
	for i := range n {
		data := fmt.Sprint("r", i)
		first, err := l.Append(t.Context(), [][]byte{[]byte(data)})
		switch {
		case err == nil:
			told[data], at[data] = "yes", first
		case errors.Is(err, ledger.ErrUnknown):
			told[data] = "unknown"
		default:
			told[data] = "no"
		}
	}
	if err := l.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	copies, place := map[string]int{}, map[events.Offset]string{}
	for _, r := range ledgertest.ReadAll(t, m) {
		copies[string(r.Data)]++
		place[r.Offset] = string(r.Data)
	}
	seen := map[string]int{}
	for data, answer := range told {
		seen[fmt.Sprint(answer, " ", copies[data])]++
		if answer == "yes" && place[at[data]] != data {
			t.Errorf("%s was acknowledged at %d, where %q is", data, at[data], place[at[data]])
		}
	}
	for kind, count := range seen {
		switch kind {
		case "yes 1", "yes 2", "no 0", "unknown 0", "unknown 1":
		default:
			t.Errorf("%d records were answered and stored as %q", count, kind)
		}
	}
	if len(seen) != 5 {
		t.Errorf("only %v happened in %d appends", seen, n)
	}
}

func TestTheSeedDecides(t *testing.T) {
	run := func(seed uint64) ([]string, []ledger.Record) {
		f := half
		f.Seed = seed
		m := memory.New(clock)
		l := ledgertest.Faulty(m, f)
		for i := range 100 {
			_, _ = l.Append(t.Context(), [][]byte{fmt.Appendf(nil, "r%d", i)}) // its fate is in the story
		}
		return l.Story(), ledgertest.ReadAll(t, m)
	}
	s1, r1 := run(1)
	s2, r2 := run(1)
	s3, _ := run(2)
	if !reflect.DeepEqual(s1, s2) || !reflect.DeepEqual(r1, r2) {
		t.Error("the same seed gave two stories")
	}
	if reflect.DeepEqual(s1, s3) {
		t.Error("two seeds gave the same story")
	}
}
