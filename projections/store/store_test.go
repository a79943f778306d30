package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/view"
)

// small forces many flushes and manifests: the traps appear only after them.
func small(d *Disk) Options {
	return Options{Disk: d, MemtableBytes: 32 << 10, CacheBytes: 1 << 16, ManifestEvery: 20}
}

func open(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryReadAnswersAsTheModelDoes(t *testing.T) {
	for seed := range uint64(3) {
		disk := MemoryDisk()
		s := open(t, "v", small(disk))
		m := newModel(seed)
		for range 12 {
			for range 20 {
				m.commit(t, s, 1+m.dice.IntN(6))
			}
			m.check(t, s, 40)
			if m.dice.IntN(3) == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, "v", small(disk))
			}
		}
		set, err := s.Set()
		if err != nil || set.Sum() != s.Position().State {
			t.Fatal("the stored set is not the digest's", err)
		}
		if n := s.db.Metrics().Flush.Count; n == 0 {
			t.Fatal("nothing was flushed: the test tests memtables only")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What a crash leaves is the store as of an earlier batch: digest, rows and
// reads agree, and going on from there ends where no crash would have.
func TestAfterACrashTheStoreIsWhole(t *testing.T) {
	for seed := range uint64(8) {
		disk := MemoryDisk()
		s := open(t, "v", small(disk))
		m := newModel(seed)
		for range 60 {
			m.commit(t, s, 1+m.dice.IntN(9))
		}
		after := open(t, "v", small(disk.Crash(rand.New(rand.NewPCG(seed, 1)))))
		o := after.Position().Offset
		if o >= s.Position().Offset {
			t.Logf("seed %d: nothing was lost", seed)
		}
		again := digest.New()
		for _, r := range m.results[:o+1] {
			again.Add(r, digest.Encode(r))
		}
		if want := again.Settle(); fmt.Sprint(after.Position().Chain, after.Position().State) != fmt.Sprint(want.Chain, want.State) {
			t.Fatalf("seed %d: another digest at %d", seed, o)
		}
		restored := restore(t, after)
		for _, r := range m.results[o+1:] {
			cols := digest.Encode(r)
			restored.Add(r, cols)
			b := Batch{Entries: []Entry{{Result: r, Columns: cols, Bytes: 7}}, Position: restored.Settle(), Lanes: restored.Lanes()}
			if err := after.Commit(&b); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(after.Position().Chain, after.Position().State) != fmt.Sprint(s.Position().Chain, s.Position().State) {
			t.Fatalf("seed %d: going on from %d ends elsewhere", seed, o)
		}
		m.check(t, after, 30)
		if err := errors.Join(s.Close(), after.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func restore(t *testing.T, s *Store) *digest.Digest {
	t.Helper()
	objects, failed := s.Live()
	d, err := digest.Restore(s.Position(), objects)
	if err = errors.Join(err, failed()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRowsOfTheFoldComeBackByKey(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	defer s.Close()
	m := newModel(1)
	m.commit(t, s, 200)
	want := map[string]string{}
	for _, r := range m.results {
		for _, row := range r.Rows {
			delete(want, string(row.Key))
			if row.Value != nil {
				want[string(row.Key)] = string(row.Value)
			}
		}
	}
	var last []byte
	rows, failed := s.Rows()
	for k, v := range rows {
		if want[string(k)] != string(v) || last != nil && bytes.Compare(last, k) >= 0 {
			t.Fatalf("row %x is %q", k, v)
		}
		delete(want, string(k))
		last = k
	}
	if failed() != nil || len(want) > 0 {
		t.Fatalf("%v, missing %v", failed(), want)
	}
}

func TestRecordsTimesAndLeaves(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	defer s.Close()
	if o, err := s.OffsetAt(1 << 60); o != events.NoOffset || err != nil {
		t.Fatal(o, err)
	}
	m := newModel(2)
	m.commit(t, s, 30)
	for at, want := range map[int64]events.Offset{-1: events.NoOffset, 0: 2, 999: 2, 1000: 5, 1 << 60: 29} {
		if o, err := s.OffsetAt(at); o != want || err != nil {
			t.Fatalf("offset at %d: %d, %v; want %d", at, o, err, want)
		}
	}
	for _, want := range m.results {
		r, err := s.Record(want.Offset)
		if err != nil || r.Time != want.Time || r.Outcome != want.Outcome || r.Subject != want.Event.Subject || len(r.Changed) != len(want.Changes) || r.Bytes != 7 {
			t.Fatalf("record %d: %+v, %v", want.Offset, r, err)
		}
		if leaf, err := s.Leaf(want.Offset); err != nil || leaf != [32]byte{byte(want.Offset), 1} {
			t.Fatal(leaf, err)
		}
	}
	if _, err := s.Record(30); !errors.Is(err, view.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestWaitEndsWithTheCommitOrTheContext(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	defer s.Close()
	m := newModel(3)
	done := make(chan error, 3)
	for _, o := range []events.Offset{4, 0, 2} {
		go func() { done <- s.Wait(context.Background(), o) }()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Wait(ctx, 9); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	m.commit(t, s, 5)
	for range 3 {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("still waiting")
		}
	}
}

func TestAStoreThatDoesNotFitIsRefusedByName(t *testing.T) {
	dir := t.TempDir() + "/v"
	s := open(t, dir, Options{Incarnation: "i"})
	newModel(4).commit(t, s, 3)
	refused := func(want string, o Options) {
		t.Helper()
		if s, err := Open(dir, o); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v, %v; want an error that says %q and names %s", s, err, want, dir)
		}
	}
	refused("in use", Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused("another cell", Options{Incarnation: "other"})
	ro, err := OpenReadOnly(dir, Options{})
	if err != nil || ro.Position().Offset != 2 || ro.Position().Cell.Incarnation != "i" {
		t.Fatal(ro, err)
	}
	if err := ro.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/"+formatFile, "99\n")
	refused("newer binary", Options{})
	write(t, dir+"/"+formatFile, "what\n")
	refused("no format number", Options{})
	dir = t.TempDir()
	write(t, dir+"/letter", "hello")
	refused("holds no view", Options{})
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
