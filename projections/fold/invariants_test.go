package fold

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"cairn/events"
)

// check holds the state against its invariants, and against the state loaded
// from the rows that it gave so far, the objects and the ids.
func (w *world) check(t *testing.T) {
	t.Helper()
	for _, row := range w.state.Rows() {
		if row.Value == nil {
			delete(w.rows, string(row.Key))
		} else {
			w.rows[string(row.Key)] = row.Value
		}
	}
	rows := maps.Clone(w.rows)
	for ref := range w.state.objects {
		o := w.state.at(ref)
		stored := &Stored{Ref: o.ref, UID: o.uid, Revision: o.revision, Written: o.written, Created: o.created}
		if o.facts != nil {
			stored.Facts = append([]byte{}, events.EncodeFacts(o.facts)...)
		}
		if o.projected != nil {
			stored.Projected = append([]byte{}, EncodeProjected(o.projected)...)
		}
		row := ObjectRow(nil, stored)
		rows[string(row.Key)] = row.Value
	}
	for _, r := range w.results {
		if cell := w.state.Cell(); cell != nil && r.Offset > w.state.Last()-events.Offset(cell.Window) && Remembers(&r) {
			row := IDRow(r.Offset, r.Event.ID)
			rows[string(row.Key)] = row.Value
		}
	}
	loaded, err := Load(seq(rows))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := w.state.dump(), loaded.dump(); a != b {
		t.Fatalf("the state loaded from rows differs\nfolded: %s\nloaded: %s", a, b)
	}
	w.checkPlacements(t)
}

func seq(rows map[string][]byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(rows)) {
			if !yield([]byte(k), rows[k]) {
				return
			}
		}
	}
}

// dump prints all of a state, maps in order.
func (s *State) dump() string {
	var b bytes.Buffer
	fmt.Fprintln(&b, s.last, s.time, s.gate, s.lastServiceIP, s.lastNodePort, s.lastNodeRange, s.cell)
	for _, ref := range slices.SortedFunc(maps.Keys(s.objects), events.Ref.Compare) {
		o := s.at(ref)
		fmt.Fprintf(&b, "%s %s %d %d %d", ref, o.uid, o.revision, o.written, o.created)
		if o.facts != nil {
			fmt.Fprintf(&b, " %x", events.EncodeFacts(o.facts))
		}
		if o.projected != nil {
			fmt.Fprintf(&b, " %x", EncodeProjected(o.projected))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintln(&b, s.seen.at, s.seen.order[s.seen.first:], s.claims, s.shares)
	fmt.Fprintln(&b, s.held, s.owned, s.podsBy, s.servicesBy, s.clusterIPs, s.nodePorts, s.counts, s.servers, s.claimed, s.onNode)
	for _, ref := range sorted(s.slices) {
		fmt.Fprintln(&b, ref, *s.slices[ref])
	}
	for _, n := range slices.Sorted(maps.Keys(s.loads)) {
		fmt.Fprintln(&b, n, *s.loads[n])
	}
	return b.String()
}

func (w *world) checkPlacements(t *testing.T) {
	t.Helper()
	used, address := map[string]uint64{}, map[string]events.Ref{}
	for ref := range w.state.objects {
		o := w.state.at(ref)
		if o.facts == nil || o.facts.Pod == nil || !o.pod().Holds() || o.facts.Pod.HostNetwork {
			continue
		}
		p := o.pod()
		used[p.Node] += o.facts.Pod.Requests.MilliCPU
		if other, ok := address[p.Address]; ok {
			t.Fatalf("%s and %s share address %s", ref, other, p.Address)
		}
		address[p.Address] = ref
		if c := w.state.claims[netip.MustParseAddr(p.Address)]; c.uid != o.uid {
			t.Fatalf("%s has no claim on %s", ref, p.Address)
		}
	}
	for node, n := range used {
		o := w.state.at(events.Ref{Kind: events.Nodes, Name: node})
		if o != nil && n > o.facts.Node.Allocatable.MilliCPU {
			t.Fatalf("node %s is overcommitted: %d", node, n)
		}
	}
}

// Records at random, many of them wrong: the invariants hold after each, the
// same records give the same results, and a copy folds to nothing.
func TestRandomRecordsKeepTheInvariants(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld()
		e := cellRecord()
		e.Facts.Cell.Gate = events.Gate(1 + seed%2)
		w.feed(e)
		for i := 0; i < 300; i++ {
			e := randomRecord(rng, w)

			r := w.feed(e)
			if !r.Outcome.Accepted() && len(r.Changes)+len(r.KubeEvents) > 0 {
				t.Fatalf("seed %d: a refused record changed %v", seed, r.Changes)
			}

			if i%10 == 0 {
				w.check(t)
			}
		}
		again := New()
		for i, in := range w.inputs {
			if r := again.Apply(in); !reflect.DeepEqual(r, w.results[i]) {
				t.Fatalf("seed %d, record %d: folds to\n%+v\nand again to\n%+v", seed, i, w.results[i], r)
			}
		}
	}
}

// randomLedger is a cell begun at a gate, or at the first with a record at
// random among all (gate 0), then n records.
func randomLedger(rng *rand.Rand, gate events.Gate, n int) *world {
	w := newWorld()
	e := cellRecord()
	e.Facts.Cell.Gate = max(gate, events.GateFirst)
	w.feed(e)
	for i := range n {
		if gate == 0 && i == n/2 {
			at := w.state.Last()
			for k, typ := range []events.Type{events.ServerRegistered, events.ServerRegistered, events.FoldActivated} {
				e := &events.Event{ID: events.ID{13: 2, 15: byte(k)}, Type: typ, Base: at, Subject: events.Ref{Kind: events.Servers, Name: fmt.Sprint("s", k)}}
				e.Facts.Server, e.Facts.Activation = &events.Server{Supports: events.Newest}, &events.Activation{Gate: events.Newest}
				w.feed(e)
			}
		}
		w.feed(randomRecord(rng, w))
	}
	return w
}
