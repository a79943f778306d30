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
// from the rows of all results so far.
func (w *world) check(t *testing.T) {
	t.Helper()
	rows := map[string][]byte{}
	for _, r := range w.results {
		for _, row := range r.Rows {
			if row.Value == nil {
				delete(rows, string(row.Key))
			} else {
				rows[string(row.Key)] = row.Value
			}
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
		o := s.objects[ref]
		fmt.Fprintf(&b, "%s %s %d %d %d", ref, o.uid, o.revision, o.written, o.created)
		if o.facts != nil {
			fmt.Fprintf(&b, " %x", events.EncodeFacts(o.facts))
		}
		if o.projected != nil {
			fmt.Fprintf(&b, " %x", EncodeProjected(o.projected))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintln(&b, s.seen, s.ids, s.claims, s.shares)
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
	for ref, o := range w.state.objects {
		if o.facts == nil || o.facts.Pod == nil || !o.pod().Holds() {
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
		o := w.state.objects[events.Ref{Kind: events.Nodes, Name: node}]
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
		w.feed(cellRecord())
		for i := 0; i < 300; i++ {
			e := randomRecord(rng, w)

			r := w.feed(e)
			if !r.Outcome.Accepted() && len(r.Changes) > 0 {
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

func randomRecord(rng *rand.Rand, w *world) *events.Event {
	if rng.IntN(8) == 0 {
		return w.inputs[rng.IntN(len(w.inputs))].Event // a copy, late or not
	}
	n := w.state.Last() + 1
	e := &events.Event{ID: events.ID{13: 1, 14: byte(n >> 8), 15: byte(n)}, Base: n - 1 - events.Offset(rng.IntN(3)), Actor: events.Actor{User: "alice"}}
	name := func(p string, k int) string { return fmt.Sprintf("%s%d", p, rng.IntN(k)) }
	node := name("n", 2)
	nodeRef := events.Ref{Kind: events.Nodes, Name: node}
	registration := events.Offset(0)
	if o := w.state.objects[nodeRef]; o != nil {
		registration = o.node().Registration
	}
	body := []events.Part{{Column: events.Spec, Data: []byte("b")}}
	pod := events.Ref{Kind: events.Pods, Namespace: "d", Name: name("p", 5)}
	uid := ""
	if o := w.state.objects[pod]; o != nil {
		uid = o.uid
	}
	labels := []events.Pair{{Key: "app", Value: name("a", 2)}}
	switch rng.IntN(14) {
	case 0:
		e.Type, e.Subject, e.UID, e.Parts = events.ObjectCreated, events.Ref{Kind: events.Namespaces, Name: "d"}, "u-d", body
	case 1:
		e.Type, e.Subject, e.UID, e.Parts = events.ObjectCreated, nodeRef, fmt.Sprint("u", n), body
		e.Facts.Node = &events.Node{Allocatable: events.Resources{MilliCPU: 200, Pods: 4}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}
	case 2:
		e.Type, e.Subject = events.NodeRegistered, nodeRef
	case 3, 4:
		e.Type, e.Subject, e.UID, e.Parts = events.ObjectCreated, pod, fmt.Sprint("u", n), body
		e.Facts.Labels = labels
		e.Facts.Pod = &events.Pod{Requests: events.Resources{MilliCPU: uint64(rng.IntN(3)) * 50}, Ports: []events.PodPort{{Name: "http", Protocol: "TCP", Port: 80 + uint64(rng.IntN(2))}}}
		e.Facts.Owners = []events.Owner{{Kind: events.ReplicaSets, Name: "r", UID: "u-r", Controller: true}}
	case 5, 6:
		e.Type, e.Subject, e.UID = events.PodPlaced, pod, uid
		e.Facts.Placement = &events.Placement{Node: node, Registration: registration}
	case 7, 8:
		e.Type, e.Subject, e.UID, e.Actor = events.ContainerStarted, pod, uid, events.Actor{Node: node}
		e.Facts.Report = &events.Report{Epoch: 1, Registration: registration, Phase: events.Running, Ready: rng.IntN(2) == 0}
	case 9:
		e.Type, e.Subject, e.UID, e.Actor = events.SandboxRemoved, pod, uid, events.Actor{Node: node}
		e.Facts.Report = &events.Report{Epoch: 1, Registration: registration}
	case 10:
		e.Type, e.Subject = events.DeletionRequested, pod
		e.Facts.Labels, e.Facts.Deleting, e.Facts.Pod = labels, 5, &events.Pod{Requests: events.Resources{MilliCPU: 50}}
		if o := w.state.objects[pod]; o != nil {
			f := *o.facts
			f.Deleting = 5
			e.Facts = f
		}
	case 11:
		e.Type, e.Subject, e.UID, e.Parts = events.ObjectCreated, events.Ref{Kind: events.Services, Namespace: "d", Name: name("s", 3)}, fmt.Sprint("u", n), body
		e.Facts.Service = &events.Service{Type: "NodePort", Selector: labels, Ports: []events.ServicePort{{Protocol: "TCP", Port: 80, TargetName: "http"}}}
	case 12:
		e.Type, e.Subject = events.ObjectDeleted, events.Ref{Kind: events.Services, Namespace: "d", Name: name("s", 3)}
		if rng.IntN(3) == 0 {
			e.Subject = pod
		}
	case 13:
		e.Type, e.Subject, e.UID, e.Parts = events.ObjectCreated, events.Ref{Kind: events.ReplicaSets, Namespace: "d", Name: "r"}, "u-r", body
		e.Facts.Workload = &events.Workload{Replicas: 2, TemplateLabels: labels}
		if rng.IntN(2) == 0 {
			e.Type, e.Subject = events.NodeLost, nodeRef
			e.UID, e.Parts, e.Facts = "", nil, events.Facts{}
		}
	}
	return e
}
