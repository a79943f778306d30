package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// story is a cell, a pod that is made, placed, told of and removed, and refusals.
func story() []*fold.Result {
	pod, other := events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}, events.Ref{Kind: events.Nodes, Name: "n1"}
	told := events.Ref{Kind: events.Events, Namespace: "default", Name: "web.1"}
	rev := func(o events.Offset, n int) events.Revision { return events.RevisionOf(3, o, n) }
	cell := &events.Event{Type: events.CellCreated, Facts: events.Facts{Cell: &events.Cell{Name: "c", R0: 3, Window: 9}}}
	facts, placed := &events.Facts{Generation: 1}, &fold.Projected{Pod: &fold.PodState{Node: "n1", Epoch: 1}}
	spec := &events.Part{Column: events.Spec, Encoding: "e", APIVersion: "v1", Data: []byte("body")}
	return []*fold.Result{
		{Offset: 0, Time: 5, Event: cell},
		{Offset: 1, Time: 6, Changes: []fold.Change{
			{Ref: other, UID: "n", Revision: rev(1, 0), Written: rev(1, 0), Created: rev(1, 0), Facts: &events.Facts{}},
			{Ref: pod, UID: "u", Revision: rev(1, 1), Written: rev(1, 1), Created: rev(1, 1), Facts: facts, FactsChanged: true, Spec: spec}}},
		{Offset: 2, Time: 6, Outcome: fold.Outcome{Code: fold.Invalid, Reason: "no", Field: "spec.x"}},
		{Offset: 3, Time: 7, Outcome: fold.Outcome{Code: fold.Duplicate, Reason: "again", DuplicateOf: 1}},
		{Offset: 4, Time: 8, Changes: []fold.Change{
			{Ref: told, UID: "e", Revision: rev(4, 0), Written: rev(4, 0), Created: rev(4, 0), Projected: &fold.Projected{Event: &fold.EventState{Reason: "Scheduled"}}},
			{Ref: pod, UID: "u", Revision: rev(4, 1), Written: rev(1, 1), Created: rev(1, 1), Facts: facts, Projected: placed, ProjectedChanged: true}}},
		{Offset: 5, Time: 9, Changes: []fold.Change{
			{Ref: pod, UID: "u", Revision: rev(5, 0), Written: rev(1, 1), Created: rev(1, 1), Deleted: true, Facts: facts}}},
	}
}

// The bytes hashed are frozen: these digests hold for ever.
func TestGoldenDigests(t *testing.T) {
	golden := []struct{ chain, state string }{
		{"762b023699a0e48aa95763f0cf7c0467f1d6e9880308c78ebbc1c423de7072d3", "e5a00aa9991ac8a5ee3109844d84a55583bd20572ad3ffcd42792f3c36b183ad"},
		{"106ff39b936689b419f2ef6927498daa254e51230d37d1f7526bbe2d7d38b7bf", "d186e8754c5eddb629dd3febd1803e890805186e00c564055a01bc84001b3976"},
		{"044b4020395d0eaa850910004754c7cc44b6f90cb91c2ce2b9d2f5846461e75a", "d186e8754c5eddb629dd3febd1803e890805186e00c564055a01bc84001b3976"},
		{"c1cc59152290ccef2067cbf664688d4f9825aba219cc8fab41ba88ab721846c9", "d186e8754c5eddb629dd3febd1803e890805186e00c564055a01bc84001b3976"},
		{"c258aa46525a6d2e0e403283c6803e0b5e3018985b4010587bdc9e3621caaa23", "490cb03cbd56d0a560629fb7231603b930f1d9c509a729d23bd2952835f42db8"},
		{"9a372a624534d0195106310975f585d3246701f369ef0a14cc2dde82bd1d197d", "adee7adf30dabfde63d29e74f6f371141647b4b9b598f79507e14b5987840812"},
	}
	d := New()
	for i, r := range story() {
		d.Add(r, Encode(r))
		p := d.Settle()
		if chain, state := hex.EncodeToString(p.Chain[:]), hex.EncodeToString(p.State[:]); chain != golden[i].chain || state != golden[i].state {
			t.Errorf("after record %d:\n{%q, %q},", i, chain, state)
		}
	}
}

// batch 1 = batch N, and what was removed leaves no trace in the state.
func TestDigestsDoNotDependOnBatches(t *testing.T) {
	one, all := New(), New()
	var early view.Position
	for _, r := range story() {
		one.Add(r, Encode(r))
		if p := one.Settle(); r.Offset == 0 {
			early = p
		}
		all.Add(r, Encode(r))
	}
	a, b := one.Settle(), all.Settle()
	if a != b || a.Objects != 1 || !slices.Equal(one.Lanes(), all.Lanes()) || a.State == early.State {
		t.Fatalf("%+v\n%+v", a, b)
	}
}

func TestSetIsOrderFree(t *testing.T) {
	var x expander
	random := rand.New(rand.NewPCG(1, 1))
	var a, b Set
	for _, i := range random.Perm(50) {
		a.add(x.expand(&key{byte(i)}))
	}
	for i := range 60 {
		b.add(x.expand(&key{byte(i)}))
	}
	if a.Sum() == b.Sum() {
		t.Fatal("another set, the same sum")
	}
	for i := 50; i < 60; i++ {
		b.remove(x.expand(&key{byte(i)}))
	}
	back, err := SetOf(b.Bytes())
	if err != nil || a.Sum() != back.Sum() {
		t.Fatal(err, "the same set, another sum")
	}
}

// Lanes are added and taken away as 1024 numbers of 16 bits each would be.
func TestLanesDoNotCarryIntoEachOther(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	var s Set
	var want [LaneBytes / 2]uint16
	for n := range 400 {
		var e [LaneBytes]byte
		random.Read(e[:])
		if n%4 == 0 { // sums that reach the lanes' ends
			for i := range e {
				e[i] |= 0x7f
			}
		}
		for i := range want {
			if n%3 == 0 {
				want[i] -= binary.LittleEndian.Uint16(e[2*i:])
			} else {
				want[i] += binary.LittleEndian.Uint16(e[2*i:])
			}
		}
		if n%3 == 0 {
			s.remove(&e)
		} else {
			s.add(&e)
		}
		for i, b := range want {
			if got := binary.LittleEndian.Uint16(s.Bytes()[2*i:]); got != b {
				t.Fatalf("after %d elements lane %d is %#x, want %#x", n+1, i, got, b)
			}
		}
	}
}

func restored(p view.Position, live ...Live) error {
	r := Restore()
	for i := range live {
		r.Add(&live[i])
	}
	_, err := r.Done(p)
	return err
}

func TestRestoreNoticesAnotherObject(t *testing.T) {
	d := New()
	for _, r := range story()[:2] {
		d.Add(r, Encode(r))
	}
	p := d.Settle()
	cols := Encode(story()[1])
	var live []Live
	for i, c := range story()[1].Changes {
		l := Live{Ref: c.Ref, UID: c.UID, Revision: c.Revision, Written: c.Written, Created: c.Created}
		for k, col := range cols[i].Column {
			if l.Hash[k] = col.Hash; col.Effect == Changed {
				l.At[k] = c.Revision
			}
		}
		live = append(live, l)
	}
	if err := restored(p, live[1], live[0]); err != nil {
		t.Fatal(err)
	}
	if err := restored(p, live[0]); err == nil {
		t.Fatal("a missing object passed")
	}
	live[0].UID = "v"
	if err := restored(p, live...); err == nil {
		t.Fatal("another uid passed")
	}
}

// A column that a change keeps is said to be what it was.
func TestAddCompletesTheColumnsThatAreKept(t *testing.T) {
	d := New()
	var cols [][]Columns
	for _, r := range story() {
		c := Encode(r)
		d.Add(r, c)
		cols = append(cols, c)
	}
	made, placed, gone := cols[1][1].Column, cols[4][len(cols[4])-1].Column, cols[5][0].Column
	for k, since := range [Count]events.Offset{1, 4, 1, events.NoOffset} {
		if at := placed[k].At.Offset(3); at != since || gone[k].At != placed[k].At || gone[k].Hash != placed[k].Hash {
			t.Errorf("column %d is of record %d, want %d; after the deletion of %d", k, at, since, gone[k].At.Offset(3))
		}
	}
	if placed[Spec].Hash != made[Spec].Hash || placed[Spec].Bytes != nil {
		t.Error("the body is not the one that was kept")
	}
}

func BenchmarkElement(b *testing.B) {
	var x expander
	var s Set
	b.ReportAllocs()
	for b.Loop() {
		k := key(sha256.Sum256([]byte("an object")))
		s.add(x.expand(&k))
	}
}

// BenchmarkRestore is what a start pays for each live object.
func BenchmarkRestore(b *testing.B) {
	r := Restore()
	n := 0
	for b.Loop() {
		n++
		r.Add(&Live{Ref: events.Ref{Kind: events.ConfigMaps, Namespace: "default", Name: strconv.Itoa(n % 100_000)}, UID: "4f2d1c9a-6d39-7c41-9b52-5be2f4e0a001",
			Revision: 1 << 40, Written: 1 << 40, Created: 1 << 40, At: [Count]events.Revision{Facts: 1 << 40, Spec: 1 << 40}})
	}
}
