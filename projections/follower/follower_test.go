package follower

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"
	"cairn/projections/store"
	"cairn/projections/view"
)

// altered is a ledger that answers otherwise than it did.
type altered struct {
	ledger.Ledger
	end    atomic.Int64 // 0: as it is
	reads  atomic.Int64
	record func(ledger.Record) ledger.Record
	hold   chan struct{} // ReadPoint waits for it
}

func (l *altered) ReadPoint(ctx context.Context) (events.Offset, error) {
	l.reads.Add(1)
	if l.hold != nil {
		<-l.hold
	}
	if n := l.end.Load(); n > 0 {
		return events.Offset(n), nil
	}
	return l.Ledger.ReadPoint(ctx)
}

func (l *altered) Fetch(ctx context.Context, from events.Offset, n int) ([]ledger.Record, error) {
	records, err := l.Ledger.Fetch(ctx, from, n)
	if l.record == nil {
		return records, err
	}
	var out []ledger.Record
	for _, r := range records {
		out = append(out, l.record(r))
	}
	return out, err
}

func ended(t *testing.T, f *Follower) error {
	t.Helper()
	select {
	case <-f.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("still following")
	}
	if !errors.Is(f.Err(), view.ErrStopped) {
		t.Fatal(f.Err())
	}
	if err := f.Wait(t.Context(), 1<<40); err != f.Err() {
		t.Fatal(err)
	}
	if _, err := f.Write(t.Context(), configMap("late")); !errors.Is(err, view.ErrStopped) {
		t.Fatal(err)
	}
	return f.Err()
}

// filled is a ledger with some records, and a store that has folded them all.
func filled(t *testing.T) (ledger.Ledger, *store.Store) {
	t.Helper()
	l, s := newLedger(), openStore(t, store.MemoryDisk())
	appendAll(t, l, firstRecord(1<<17), withID(namespace("default"), 200))
	for i := range 30 {
		appendAll(t, l, withID(configMap("c"), byte(i)))
	}
	f, err := Start(t.Context(), Options{Ledger: l, Store: s})
	must(t, err)
	caughtUp(t, f)
	f.Stop()
	t.Cleanup(func() { s.Close() })
	return l, s
}

func TestALedgerThatShrankOrChangedIsRefused(t *testing.T) {
	l, s := filled(t)
	for name, c := range map[string]struct {
		change func(*altered)
		want   error
		says   string
	}{
		"shorter": {func(a *altered) { a.end.Store(20) }, ErrRolledBack, "at offset 20"},
		"another record": {func(a *altered) {
			a.record = func(r ledger.Record) ledger.Record {
				if r.Offset == 25 {
					r.Data = append([]byte{}, r.Data...)
					r.Data[40] ^= 1
				}
				return r
			}
		}, ErrRolledBack, "at offset 25"},
		"another first record": {func(a *altered) {
			a.record = func(r ledger.Record) ledger.Record { r.Time++; return r }
		}, ErrOtherLedger, "remove the view"},
	} {
		a := &altered{Ledger: l}
		c.change(a)
		if _, err := Start(t.Context(), Options{Ledger: a, Store: s}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := Start(t.Context(), Options{Ledger: l, Store: s})
	must(t, err)
	f.Stop()
}

func TestALedgerThatShrinksWhileFollowedStopsTheFollower(t *testing.T) {
	a := &altered{Ledger: newLedger()}
	f := cell(t, a, func(o *Options) { o.Recheck = 5 * time.Millisecond })
	a.end.Store(1)
	if err := ended(t, f); !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "at offset 1") {
		t.Fatal(err)
	}
}

func TestAGapStopsTheFollower(t *testing.T) {
	a := &altered{Ledger: newLedger()}
	a.record = func(r ledger.Record) ledger.Record {
		if r.Offset == 2 {
			r.Offset = 3
		}
		return r
	}
	f := cell2(t, a)
	var damage *ledger.Damage
	if err := ended(t, f); !errors.As(err, &damage) || damage.Offset != 2 {
		t.Fatal(err)
	}
}

func cell2(t *testing.T, a *altered) *Follower {
	appendAll(t, a.Ledger, firstRecord(1<<17), withID(namespace("default"), 200), withID(configMap("c"), 1))
	return follow(t, a)
}

type panicking struct{ Folder }

func (p panicking) Apply(in fold.Input) fold.Result {
	if in.Offset == 2 {
		panic("divided by zero")
	}
	return p.Folder.Apply(in)
}

func TestAPanicOfTheFoldStopsTheFollowerNamingTheRecord(t *testing.T) {
	a := &altered{Ledger: newLedger()}
	appendAll(t, a, firstRecord(1<<17), withID(namespace("default"), 200), withID(configMap("c"), 1))
	f := follow(t, a, func(o *Options) {
		o.Load = func(rows iter.Seq2[[]byte, []byte]) (Folder, error) {
			s, err := fold.Load(rows)
			return panicking{s}, err
		}
	})
	if err := ended(t, f); !strings.Contains(err.Error(), "record 2 (id ff01") || !strings.Contains(err.Error(), "divided by zero") {
		t.Fatal(err)
	}
}

// What one server acknowledged, another shows after a read point.
func TestReadsAfterAReadPointSeeWhatWasAcknowledged(t *testing.T) {
	l := newLedger()
	a := cell(t, l)
	b := follow(t, l)
	for i := range 50 {
		e := configMap(string(rune('a'+i%26)) + string(rune('a'+i/26)))
		_, err := a.Write(t.Context(), e)
		must(t, err)
		must(t, b.ReadPoint(t.Context()))
		if _, err := b.Get(e.Subject, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Callers share a read point, but never one that began before they asked.
func TestReadPointsAreShared(t *testing.T) {
	a := &altered{Ledger: newLedger()}
	f := cell(t, a)
	a.hold = make(chan struct{})
	before := a.reads.Load()
	var wg sync.WaitGroup
	ask := func() { wg.Go(func() { must2(t, f.ReadPoint(t.Context())) }) }
	ask()
	for a.reads.Load() == before {
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		ask()
	}
	a.hold <- struct{}{}
	for a.reads.Load() < before+2 {
		time.Sleep(time.Millisecond)
	}
	close(a.hold)
	wg.Wait()
	if n := a.reads.Load() - before; n > 22 || n < 2 {
		t.Fatalf("%d calls for 21 callers", n)
	}
}

func must2(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// A gate that this binary does not know ends it, after the record that says so
// is committed: what follows would be folded by rules that it has not.
func TestAnActivationAboveWhatIsKnownStopsTheFollower(t *testing.T) {
	l, disk := newLedger(), store.MemoryDisk()
	server := events.Ref{Kind: events.Servers, Name: "s1"}
	appendAll(t, l, firstRecord(1<<17), withID(namespace("default"), 200),
		withID(&events.Event{Type: events.ServerRegistered, Subject: server, Facts: events.Facts{Server: &events.Server{Supports: 99}}}, 1),
		withID(&events.Event{Type: events.FoldActivated, Subject: events.Ref{Kind: events.Cells, Name: "test"}, Facts: events.Facts{Activation: &events.Activation{Gate: 99}}}, 2),
		withID(configMap("late"), 3))
	s := openStore(t, disk)
	defer s.Close()
	f, err := Start(t.Context(), Options{Ledger: l, Store: s, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	if err := ended(t, f); !strings.Contains(err.Error(), "run a newer cairn") || f.Position().Offset != 3 || f.Position().Gate != 99 {
		t.Fatal(f.Position(), err)
	}
	if _, err := Start(t.Context(), Options{Ledger: l, Store: s}); err == nil || !strings.Contains(err.Error(), "gate 99") {
		t.Fatal(err)
	}
}
