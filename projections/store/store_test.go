package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// small forces many flushes and manifests: the traps appear only after them.
func small(d *Disk) Options {
	return Options{Disk: d, MemtableBytes: 32 << 10, CacheBytes: 1 << 16, ManifestEvery: 20, SnapshotEvery: 25}
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
				m.commit(t, s, 1+m.random.IntN(6))
			}
			m.check(t, s, 40)
			if m.random.IntN(3) == 0 {
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
			m.commit(t, s, 1+m.random.IntN(9))
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
		restored, _ := restore(t, after.Current())
		for _, r := range m.results[o+1:] {
			b := Batch{Entries: []Entry{entry(after, restored, r)}, Position: restored.Settle(), Lanes: restored.Lanes()}
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

// restore gives the digest of a snapshot, and the fold's rows in it.
func restore(t *testing.T, n *Snapshot) (*digest.Digest, map[string]string) {
	t.Helper()
	r, found := digest.Restore(), map[string]string{}
	rows, failed := n.Resume(r.Add)
	for k, v := range rows {
		if _, ok := found[string(k)]; ok {
			t.Fatalf("row %q comes twice", k)
		}
		found[string(k)] = string(v)
	}
	d, err := r.Done(n.Position)
	if err = errors.Join(err, failed()); err != nil {
		t.Fatal(err)
	}
	return d, found
}

// rows are the fold's rows after a record, as the results say.
func (m *model) rows(o events.Offset) map[string]string {
	want := map[string]string{}
	for _, r := range m.results[:o+1] {
		for _, row := range rowsOf(r.Offset) {
			delete(want, string(row.Key))
			if row.Value != nil {
				want[string(row.Key)] = string(row.Value)
			}
		}
		if fold.Remembers(r) {
			id := fold.IDRow(r.Offset, r.Event.ID)
			want[string(id.Key)] = string(id.Value)
		}
		if old := r.Offset - window; old >= 0 {
			delete(want, string(fold.IDRow(old, events.ID{}).Key))
		}
	}
	for _, v := range m.moments[o] {
		stored := &fold.Stored{Ref: v.Ref, UID: v.UID, Revision: v.Revision, Written: v.Written, Created: v.Created}
		if v.Facts != nil {
			stored.Facts = append([]byte{}, events.EncodeFacts(v.Facts)...)
		}
		if v.Projected != nil {
			stored.Projected = append([]byte{}, fold.EncodeProjected(v.Projected)...)
		}
		row := fold.ObjectRow(nil, stored)
		want[string(row.Key)] = string(row.Value)
	}
	return want
}

// Snapshots have the fold's rows and the digest as they were, whatever came
// after: objects deleted and made anew, rows gone, manifests passed by.
func TestEverySnapshotResumesAsItWas(t *testing.T) {
	s := open(t, "v", small(MemoryDisk()))
	defer s.Close()
	m := newModel(1)
	for range 80 {
		m.commit(t, s, 1+m.random.IntN(9))
	}
	last := s.Position().Offset
	if _, rows := restore(t, s.Current()); !maps.Equal(rows, m.rows(last)) {
		t.Fatal("the current rows are others")
	}
	for o := last + 1; o >= 0; o -= 7 {
		n, err := s.SnapshotBefore(o)
		if err != nil || n.Position.Offset >= o || n.Position.Offset+25 < o {
			t.Fatalf("before %d: %+v, %v", o, n, err)
		}
		d, rows := restore(t, n)
		want := map[string]string{}
		if n.Position.Offset >= 0 {
			want = m.rows(n.Position.Offset)
		}
		if !maps.Equal(rows, want) {
			t.Fatalf("the rows at %d are others", n.Position.Offset)
		}
		again := digest.New()
		for _, r := range m.results[:n.Position.Offset+1] {
			again.Add(r, digest.Encode(r))
		}
		a, b := again.Settle(), d.Settle()
		if a.Cell, b.Cell = nil, nil; a != b {
			t.Fatalf("the digest at %d is another", n.Position.Offset)
		}
		if chain, err := s.ChainAt(max(0, n.Position.Offset)); n.Position.Offset >= 0 && (err != nil || chain != n.Position.Chain) {
			t.Fatalf("the chain at %d: %x, %v", n.Position.Offset, chain, err)
		}
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
		if err != nil || r.Time != want.Time || !reflect.DeepEqual(r.Outcome, want.Outcome) || r.Subject != want.Event.Subject || len(r.Changed) != len(want.Changes) || r.Bytes != 7 {
			t.Fatalf("record %d: %+v, %v", want.Offset, r, err)
		}
		if len(want.Event.Cause) > 0 && !slices.Equal(r.Cause, want.Event.Cause) {
			t.Fatal(r.Cause)
		}
		if leaf, err := s.Leaf(want.Offset); err != nil || leaf != [32]byte{byte(want.Offset), 1} {
			t.Fatal(leaf, err)
		}
	}
	next := events.Offset(3)
	leaves, failed := s.Leaves(3, 99)
	for o, leaf := range leaves {
		if o != next || leaf != [32]byte{byte(o), 1} {
			t.Fatal(o, leaf)
		}
		next++
	}
	if failed() != nil || next != 30 {
		t.Fatal(failed(), next)
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
