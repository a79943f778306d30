package follower

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/memory"
	"cairn/projections/store"
	"cairn/projections/view"
)

// history writes a cell's life of n records through a follower, so that its
// users see what they did, with doubles, late copies and garbage among them.
func history(t testing.TB, seed uint64, n int) *memory.Log {
	t.Helper()
	l := newLedger()
	u := newUser(seed)
	appendAll(t, l, firstRecord(64), u.made(namespace("ns0")), u.made(namespace("ns1")))
	f := follow(t, l)
	u.cell = f
	var old [][]byte
	for range n {
		if u.random.IntN(10) == 0 {
			caughtUp(t, f)
		}
		frame := events.AppendFrame(nil, u.next(f.Position().Offset))
		switch u.random.IntN(15) {
		case 0: // a second delivery, soon or beyond the window
			if len(old) > 0 {
				frame = old[len(old)-1-u.random.IntN(min(len(old), 100))]
			}
		case 1:
			frame = append(frame[:len(frame)-2:len(frame)-2], 0xff)
		}
		old = append(old, frame)
		_, err := l.Append(t.Context(), [][]byte{frame})
		must(t, err)
	}
	caughtUp(t, f)
	return l
}

func (u *user) made(e *events.Event) *events.Event {
	e.ID = u.id()
	return e
}

// The digests, from zero and whatever the batches and crashes, are the same.
func TestWhereverItCrashesItEndsAsFromZero(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			l := history(t, seed, 1500)
			want, err := Replay(t.Context(), l, ReplayOptions{})
			must(t, err)
			outcomes(t, l, want)
			random := rand.New(rand.NewPCG(seed, 9))
			disk := store.MemoryDisk()
			for crashes := 0; ; crashes++ {
				s := openStore(t, disk)
				from := s.Position().Offset
				f, err := Start(t.Context(), Options{Ledger: l, Store: s, BatchRecords: 1 + random.IntN(40)})
				must(t, err)
				goal := from + 1 + events.Offset(random.IntN(400))
				if crashes > 8 || goal >= want.Offset {
					must(t, f.Wait(t.Context(), want.Offset))
					if d := Differ(f.Position(), want); d != "" {
						t.Fatalf("after %d crashes: %s", crashes, d)
					}
					f.Stop()
					must(t, s.Close())
					break
				}
				must(t, f.Wait(t.Context(), goal))
				if random.IntN(3) == 0 {
					must(t, s.Flush())
				}
				after := disk.Crash(random) // while it goes on writing
				f.Stop()
				must(t, s.Close())
				disk = after
			}
		})
	}
}

// outcomes makes sure that the run is worth its name: most sorts of outcome occur.
func outcomes(t *testing.T, l ledger.Ledger, end view.Position) {
	t.Helper()
	f := follow(t, l)
	must(t, f.Wait(t.Context(), end.Offset))
	codes := map[string]int{}
	for o := events.Offset(0); o <= end.Offset; o++ {
		r, err := f.Record(o)
		must(t, err)
		codes[r.Outcome.Code.String()]++
	}
	for _, code := range []string{"ok", "malformed", "duplicate", "expired", "exists", "moved", "not found", "unplaceable"} {
		if codes[code] == 0 {
			t.Errorf("no record is %s: %v", code, codes)
		}
	}
	if end.Objects < 10 || codes["ok"] < 300 {
		t.Errorf("%d objects, outcomes %v", end.Objects, codes)
	}
}

func TestBatchesOfOneAndOfManyAreTheSame(t *testing.T) {
	l := history(t, 77, 400)
	var positions []view.Position
	for _, n := range []int{1, 7, 1000} {
		f := follow(t, l, func(o *Options) { o.BatchRecords = n })
		caughtUp(t, f)
		positions = append(positions, f.Position())
	}
	for _, p := range positions[1:] {
		if d := Differ(positions[0], p); d != "" {
			t.Fatal(d)
		}
	}
	part, err := Replay(t.Context(), l, ReplayOptions{End: 100})
	if err != nil || part.Offset != 99 || Differ(part, positions[0]) == "" {
		t.Fatal(part, err)
	}
	if _, err := Replay(context.Background(), l, ReplayOptions{End: 1 << 30}); err == nil {
		t.Fatal("replayed beyond the end")
	}
}

// Every record sent twice is as sent once.
func TestEveryRecordTwiceIsAsOnce(t *testing.T) {
	once, twice := newLedger(), newLedger()
	u := newUser(5)
	for i := range 200 {
		e := u.next(0)
		if i == 0 {
			e = firstRecord(1 << 17)
		}
		e.Base = min(0, e.Base)
		appendAll(t, once, e)
		appendAll(t, twice, e, e)
	}
	a, b := follow(t, once), follow(t, twice)
	caughtUp(t, a)
	caughtUp(t, b)
	for _, kind := range []string{events.Pods, events.Namespaces, events.ConfigMaps, events.Services, events.Nodes} {
		x, _, err := a.List(kind, view.Page{})
		must(t, err)
		y, _, err := b.List(kind, view.Page{})
		must(t, err)
		if len(x) != len(y) {
			t.Fatalf("%d and %d %s", len(x), len(y), kind)
		}
		for i := range x {
			if x[i].Ref != y[i].Ref || x[i].UID != y[i].UID || string(events.EncodeFacts(x[i].Facts)) != string(events.EncodeFacts(y[i].Facts)) {
				t.Fatalf("%+v and %+v", x[i], y[i])
			}
		}
	}
}
