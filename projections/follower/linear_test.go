package follower

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/embedded"
	"cairn/events/ledger/ledgertest"
	"cairn/projections/fold"
	"cairn/projections/follower/porcupinetest"
	"cairn/projections/view"
)

// server keeps registers as config maps, as an API server keeps its objects: a
// write is one record with its preconditions, a read comes after a read point.
type server struct{ f *Follower }

func (s *server) Do(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	switch c.Kind {
	case porcupinetest.Read:
		if err := s.f.ReadPoint(ctx); err != nil {
			return porcupinetest.Return{}, err
		}
		return s.get(c, 0)
	case porcupinetest.Glance:
		return s.get(c, 0)
	}
	if c.Value%3 == 0 { // in a hurry
		var giveUp context.CancelFunc
		ctx, giveUp = context.WithCancel(ctx)
		defer giveUp()
		ctx = context.WithValue(ctx, hurry{}, giveUp)
	}
	return s.write(ctx, c)
}

func (s *server) get(c porcupinetest.Call, at events.Revision) (porcupinetest.Return, error) {
	o, err := s.f.Get(register(c), at)
	if errors.Is(err, view.ErrNotFound) {
		return porcupinetest.Return{Answer: porcupinetest.Absent}, nil
	}
	if err != nil {
		return porcupinetest.Return{}, err
	}
	v, err := strconv.ParseUint(string(o.Spec.Data), 10, 64)
	return porcupinetest.Return{Answer: porcupinetest.Done, Value: porcupinetest.Value(v), Revision: uint64(o.Written)}, err
}

func register(c porcupinetest.Call) events.Ref {
	return events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: c.Key}
}

func (s *server) write(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	e := &events.Event{Subject: register(c), Require: events.Precondition{Written: events.Revision(c.Revision)}}
	if c.Kind != porcupinetest.Delete {
		e.Parts = []events.Part{{Column: events.Spec, Data: strconv.AppendUint(nil, uint64(c.Value), 10)}}
	}
	switch c.Kind {
	case porcupinetest.Create:
		e.Type, e.UID = events.ObjectCreated, fmt.Sprint("u", c.Value)
	case porcupinetest.Update:
		e.Type = events.ObjectUpdated
	case porcupinetest.Delete:
		e.Type = events.ObjectDeleted
	}
	w, err := s.f.Write(ctx, e)
	if err != nil {
		return porcupinetest.Return{}, err
	}
	answer, ok := map[fold.Code]porcupinetest.Answer{fold.OK: porcupinetest.Done, fold.Exists: porcupinetest.Exists,
		fold.NotFound: porcupinetest.Absent, fold.Moved: porcupinetest.Moved}[w.Outcome.Code]
	if !ok {
		return porcupinetest.Return{}, fmt.Errorf("refused as %s: nothing was changed", w.Outcome.Code)
	}
	r := porcupinetest.Return{Answer: answer}
	if w.Outcome.Accepted() && c.Kind != porcupinetest.Delete {
		r.Value, r.Revision = c.Value, uint64(w.Revision)
	}
	return r, nil
}

// far is a ledger whose answers are under way for a while, in which others go
// on. It ends the calls of who is in a hurry once their append is unclear: their
// outcome stays unknown, unless it shows at once.
type far struct{ ledger.Ledger }

type hurry struct{}

func (l far) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	o, err := l.Ledger.Append(ctx, records)
	underWay()
	if giveUp, ok := ctx.Value(hurry{}).(context.CancelFunc); ok && errors.Is(err, ledger.ErrUnknown) {
		giveUp()
	}
	return o, err
}

func (l far) ReadPoint(ctx context.Context) (events.Offset, error) {
	defer underWay()
	return l.Ledger.ReadPoint(ctx)
}

func (l far) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	defer underWay()
	return l.Ledger.Fetch(ctx, from, maxBytes)
}

func underWay() {
	for range 100 {
		runtime.Gosched()
	}
}

// linear is two followers with a store each over one ledger with faults, and
// what clients do with them.
type linear struct {
	ledger *ledgertest.FaultyLedger
	a, b   *server
	load   porcupinetest.Load
}

func newLinear(t *testing.T, inner ledger.Ledger, window, seed uint64, f ledgertest.Faults) *linear {
	t.Helper()
	appendAll(t, inner, firstRecord(window), withID(namespace("default"), 200))
	f.Seed = seed
	l := ledgertest.Faulty(inner, f)
	side := func() *server { return &server{follow(t, far{l})} }
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

var rough = ledgertest.Faults{Fail: 0.03, LoseCall: 0.08, LoseAck: 0.08, Late: 0.08, Duplicate: 0.08, MaxLate: 30}

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
				h := newLinear(t, c.open(t), c.window, seed, rough).run(t)
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
