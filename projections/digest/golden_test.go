package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// story is a cell, a pod that is made, placed and removed, events and refusals.
func story() []*fold.Result {
	pod, other := events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}, events.Ref{Kind: events.Nodes, Name: "n1"}
	rev := func(o events.Offset, n int) events.Revision { return events.RevisionOf(3, o, n) }
	cell := &events.Event{Type: events.CellCreated, Facts: events.Facts{Cell: &events.Cell{Name: "c", R0: 3, Window: 9}}}
	facts, placed := &events.Facts{Generation: 1}, &fold.Projected{Pod: &fold.PodState{Node: "n1", Epoch: 1}}
	spec := &events.Part{Column: events.Spec, Encoding: "e", APIVersion: "v1", Data: []byte("body")}
	list := []*fold.Result{
		{Time: 5, Event: cell},
		{Time: 6, Changes: []fold.Change{
			{Ref: other, UID: "n", Revision: rev(1, 0), Written: rev(1, 0), Created: rev(1, 0), Facts: &events.Facts{}},
			{Ref: pod, UID: "u", Revision: rev(1, 1), Written: rev(1, 1), Created: rev(1, 1), Facts: facts, FactsChanged: true, Spec: spec}}},
		{Time: 6, Outcome: fold.Outcome{Code: fold.Invalid, Reason: fold.PortTaken, Args: []string{"30000"}, Field: "spec.x"}},
		{Time: 7, Outcome: fold.Outcome{Code: fold.Duplicate, DuplicateOf: 1}},
		{Time: 8, Changes: []fold.Change{
			{Ref: pod, UID: "u", Revision: rev(4, 0), Written: rev(1, 1), Created: rev(1, 1), Facts: facts, Projected: placed, ProjectedChanged: true}},
			KubeEvents: []fold.KubeEvent{
				{Regarding: pod, RegardingUID: "u", Code: fold.Scheduled, Args: []string{"n1"}, Source: "reconciler/scheduler"},
				{Regarding: pod, RegardingUID: "u", Code: fold.FailedScheduling, Decision: &events.Decision{Nodes: 3}, Note: "n"},
				{Regarding: pod, RegardingUID: "u", Reason: "Pulling", Note: "image", Warning: true, Source: "node/n1", Container: "c"}}},
		{Time: 9, Changes: []fold.Change{
			{Ref: pod, UID: "u", Revision: rev(5, 0), Written: rev(1, 1), Created: rev(1, 1), Deleted: true, Facts: facts}}},
	}
	for i, r := range list {
		r.Offset, r.Gate = events.Offset(i), events.GateFirst
	}
	return list
}

// The bytes hashed are frozen: these digests hold for ever.
func TestGoldenDigests(t *testing.T) {
	golden := []struct{ chain, state string }{
		{"f793b3493edc42f5f1b226a65786331837ac026a2fef6d563c0b0dab28180ab8", "e5a00aa9991ac8a5ee3109844d84a55583bd20572ad3ffcd42792f3c36b183ad"},
		{"eece07715dd01d8a1713802d69ea1bb90fdb33f5c3e130fa31de2f84e1cc7329", "162fad3fd12ee95e3acc8a611c29ee4179f1ce83cddb968b24d4f8c638f8eb9f"},
		{"cf37d4183523d724cd9e7fc97c28514ac59d235a01a23b9753d11e122c767e3e", "162fad3fd12ee95e3acc8a611c29ee4179f1ce83cddb968b24d4f8c638f8eb9f"},
		{"e2dd525af6dabc1e47450f84ba0e78e09a21bc2059482263a9de67f6a8d3bc61", "162fad3fd12ee95e3acc8a611c29ee4179f1ce83cddb968b24d4f8c638f8eb9f"},
		{"208535e998fa4d580b3f85f92f773d3d7a07d8091a796201d18c47fe194f006b", "29412ddead4056649d7729ebb88d26e11f9564f4ea134fa91f8007b5aed41e27"},
		{"f1bbb2d85d1777845fab2f0c63b06a08cc47f343390a95010a61b370259d8c41", "544181aabd6ec7b29ee96c15b068bb5b7eede46acb6e26f078d19fd59455d74d"},
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

// Whatever field of an outcome, a change or an event is another, so is the chain.
func TestEveryFieldOfAResultIsInTheChain(t *testing.T) {
	chain := func(r *fold.Result) [32]byte { return New().Add(r, Encode(r)) }
	full := func() *fold.Result {
		ref := events.Ref{Kind: events.Pods, Namespace: "default", Name: "web"}
		return &fold.Result{Offset: 1, Gate: 1, Outcome: fold.Outcome{Args: []string{"a"}},
			Changes: []fold.Change{{Ref: ref, UID: "u", Revision: 9, Written: 8, Created: 7, Projected: &fold.Projected{}, ProjectedChanged: true,
				Facts: &events.Facts{}, FactsChanged: true, Spec: &events.Part{}, Status: &events.Part{}}},
			KubeEvents: []fold.KubeEvent{{Regarding: ref, Args: []string{"a"}, Decision: &events.Decision{}}}}
	}
	seen := map[[32]byte]string{chain(full()): "nothing"}
	var alter func(path string, at func(*fold.Result) reflect.Value)
	alter = func(path string, at func(*fold.Result) reflect.Value) {
		r := full()
		v := at(r)
		switch v.Kind() {
		case reflect.Pointer:
			v.Set(reflect.Zero(v.Type()))
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Slice:
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		case reflect.Struct:
			for i := range v.NumField() {
				alter(path+"."+v.Type().Field(i).Name, func(r *fold.Result) reflect.Value { return at(r).Field(i) })
			}
			return
		default:
			v.Set(reflect.ValueOf(5).Convert(v.Type()))
		}
		if other, ok := seen[chain(r)]; ok {
			t.Errorf("with another %s the chain is as with %s", path, other)
		}
		seen[chain(r)] = path
	}
	alter("Offset", func(r *fold.Result) reflect.Value { return reflect.ValueOf(&r.Offset).Elem() })
	alter("Gate", func(r *fold.Result) reflect.Value { return reflect.ValueOf(&r.Gate).Elem() })
	alter("Outcome", func(r *fold.Result) reflect.Value { return reflect.ValueOf(&r.Outcome).Elem() })
	alter("Change", func(r *fold.Result) reflect.Value { return reflect.ValueOf(&r.Changes[0]).Elem() })
	alter("KubeEvent", func(r *fold.Result) reflect.Value { return reflect.ValueOf(&r.KubeEvents[0]).Elem() })
	if len(seen) < 30 {
		t.Fatalf("only %d fields were tried", len(seen))
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
