package follower

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/store"
)

// A replay that begins at a snapshot ends where one from the first record does.
func TestAReplayFromAnySnapshotEndsAlike(t *testing.T) {
	for seed := range uint64(3) {
		l := history(t, seed, 700)
		s, err := store.Open("view", store.Options{Disk: store.MemoryDisk(), MemtableBytes: 64 << 10, ManifestEvery: 30, SnapshotEvery: 64})
		must(t, err)
		f, err := Start(t.Context(), Options{Ledger: l, Store: s})
		must(t, err)
		caughtUp(t, f)
		f.Stop()
		want := s.Position()
		for o := want.Offset; o > 0; o -= 90 {
			n, err := s.SnapshotBefore(o)
			must(t, err)
			count := events.Offset(0)
			got, err := Replay(t.Context(), l, ReplayOptions{From: n, Expect: s, Result: func(*fold.Result) { count++ }})
			must(t, err)
			if d := Differ(got, want); d != "" || count != want.Offset-n.Position.Offset || o > 64 && n.Position.Offset < o-64 {
				t.Fatalf("seed %d, from %d (before %d), %d records: %s", seed, n.Position.Offset, o, count, d)
			}
		}
		must(t, s.Close())
	}
}

// otherwise is a fold that refuses one record.
type otherwise struct {
	Folder
	at events.Offset
}

func (w otherwise) Apply(in fold.Input) fold.Result {
	r := w.Folder.Apply(in)
	if in.Offset == w.at {
		r.Outcome.Code = fold.Budget
	}
	return r
}

// What differs is named: by a replay beside a view, and between two views.
func TestTheFirstRecordThatDiffersIsFound(t *testing.T) {
	l := history(t, 3, 300)
	load := func(rows iter.Seq2[[]byte, []byte]) (Folder, error) {
		s, err := fold.Load(rows)
		return otherwise{s, 123}, err
	}
	a, b := follow(t, l), follow(t, l, func(o *Options) { o.Load = load })
	caughtUp(t, a)
	caughtUp(t, b)
	if o, err := FirstDifference(a.store, b.store, a.Position().Offset); o != 123 || err != nil {
		t.Fatal(o, err)
	}
	if o, err := FirstDifference(a.store, b.store, 122); o != events.NoOffset || err != nil {
		t.Fatal(o, err)
	}
	_, err := Replay(t.Context(), l, ReplayOptions{Expect: a.store, Load: load})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "record 123:") {
		t.Fatal(err)
	}
}
