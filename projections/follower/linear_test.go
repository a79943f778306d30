package follower

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
	"cairn/projections/follower/porcupinetest"
)

// linear is two followers with a store each over one ledger with faults, and
// what clients do with them.
type linear struct {
	ledger *ledgertest.FaultyLedger
	a, b   *server
	load   porcupinetest.Load
}

func newLinear(t *testing.T, inner ledger.Ledger, window, seed uint64) *linear {
	t.Helper()
	appendAll(t, inner, firstRecord(window), withID(namespace("default"), 200))
	l := porcupinetest.Rough(inner, seed)
	side := func() *server { return &server{follow(t, porcupinetest.Far(l))} }
	x := &linear{ledger: l, a: side(), b: side()}
	caughtUp(t, x.a.f)
	caughtUp(t, x.b.f)
	x.load = porcupinetest.Load{Seed: seed, Servers: []porcupinetest.Server{x.a, x.b}, Clients: 6, Calls: 60, Keys: 3}
	return x
}

// run has the clients make their calls, and whatever is late come in.
func (x *linear) run(t *testing.T) *porcupinetest.History {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h := porcupinetest.NewHistory()
	x.load.Run(ctx, h)
	must(t, x.ledger.Deliver(ctx))
	must(t, x.load.Finish(ctx, h))
	must(t, errors.Join(x.a.f.Err(), x.b.f.Err()))
	return h
}

// ledgers are those under test. Where the window is small, a record that is
// tried again can come too late.
var ledgers = []struct {
	name          string
	seeds, window uint64
	open          func(*testing.T) ledger.Ledger
}{
	{"memory", 8, 1 << 17, func(*testing.T) ledger.Ledger { return newLedger() }},
	{"small_window", 8, 12, func(*testing.T) ledger.Ledger { return newLedger() }},
	{"embedded", 2, 1 << 17, func(t *testing.T) ledger.Ledger {
		l, err := embedded.Open(t.TempDir(), embedded.Options{})
		must(t, err)
		t.Cleanup(func() { l.Close() })
		return l
	}},
}

// Reads and writes through two followers are linearizable, whatever gets lost,
// comes late or doubles.
func TestHistoriesAreLinearizable(t *testing.T) {
	counts, left := map[string]int{}, 0
	for _, c := range ledgers {
		for seed := range c.seeds {
			left++
			t.Run(fmt.Sprintf("%s/seed_%d", c.name, seed), func(t *testing.T) {
				h := newLinear(t, c.open(t), c.window, seed).run(t)
				h.Check(t, seed, "./projections/follower")
				for what, n := range h.Counts() {
					counts[what] += n
				}
				left--
			})
		}
	}
	if left == 0 { // else some were not asked for
		dull(t, counts)
	}
}

// dull fails a test in whose runs some answer was never given.
func dull(t *testing.T, counts map[string]int) {
	for _, what := range []string{"read done", "read absent", "glance done", "create done", "create exists", "create unknown", "create nothing done",
		"update done", "update absent", "update moved", "update unknown", "update nothing done", "delete done", "delete absent", "delete moved", "delete unknown"} {
		if counts[what] == 0 {
			t.Errorf("no %s: the runs are too dull: %v", what, counts)
		}
	}
	if n := counts["read nothing done"]; n > 0 {
		t.Errorf("%d reads failed", n)
	}
}
