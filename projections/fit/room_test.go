package fit

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cairn/events"
)

// full is a node with what Check let it hold.
type full struct {
	random *rand.Rand
	node   Node
	held   []*events.Pod
}

func newFull(seed uint64) *full {
	w := &full{random: rand.New(rand.NewPCG(seed, 13))}
	w.node = Node{Name: "n1", Registered: true, Ready: true, Facts: &events.Node{Allocatable: events.Resources{
		MilliCPU: w.amount(), Memory: w.amount(), Storage: w.amount(), Pods: uint64(w.random.IntN(12))}}}
	return w
}

// amount is small, for sums that meet a limit, or next to the largest there is.
func (w *full) amount() uint64 {
	if w.random.IntN(10) == 0 {
		return math.MaxUint64 - uint64(w.random.IntN(3))
	}
	return uint64(w.random.IntN(10))
}

func (w *full) pod() *events.Pod {
	some := func() uint64 { return w.amount() / uint64(1+w.random.IntN(4)) }
	p := &events.Pod{Requests: events.Resources{MilliCPU: some(), Memory: some(), Storage: some()}}
	for w.random.IntN(3) == 0 { // one may come twice
		p.HostPorts = append(p.HostPorts, events.HostPort{Protocol: "TCP", Address: []string{"", "192.0.2.1"}[w.random.IntN(2)], Port: uint64(80 + w.random.IntN(3))})
	}
	return p
}

// place holds n pods drawn at random, where they fit.
func (w *full) place(n int) {
	for range n {
		if p := w.pod(); Check(p, &w.node).OK() {
			w.node.Hold(p, 1)
			w.held = append(w.held, p)
		}
	}
}

func (n *Node) books() string {
	var ports []string
	for p, count := range n.Ports {
		ports = append(ports, fmt.Sprint(p, count))
	}
	slices.Sort(ports)
	return fmt.Sprint(n.Used, ports)
}

// What a node holds and gives back leaves no trace, whether it fits or not, and
// in whatever order many are given back.
func TestHoldingAndGivingBackIsNothing(t *testing.T) {
	for seed := range uint64(500) {
		w := newFull(seed)
		w.place(20)
		before, p := w.node.books(), w.pod()
		for _, first := range []int{1, -1} {
			w.node.Hold(p, first)
			w.node.Hold(p, -first)
			if after := w.node.books(); after != before {
				t.Fatalf("seed %d: after %+v by %d and back, %s was %s", seed, p, first, after, before)
			}
		}
		for _, i := range w.random.Perm(len(w.held)) {
			w.node.Hold(w.held[i], -1)
		}
		if after, empty := w.node.books(), (&Node{}).books(); after != empty {
			t.Fatalf("seed %d: emptied, it holds %s", seed, after)
		}
	}
}

// Room that goes never makes place: who is refused for want of room, a port or
// a place among the pods is refused still where the node holds one more, or has
// less to give; and so who fits where there is less fits where there is more.
func TestTakingRoomAwayNeverMakesAPodFit(t *testing.T) {
	refused := map[Reason]int{}
	for seed := range uint64(3000) {
		w := newFull(seed)
		w.place(w.random.IntN(20))
		p, q := w.pod(), w.pod()
		before := Check(p, &w.node)
		if before.OK() {
			continue
		}
		refused[before.Reason]++
		less := w.node
		less.Ports, less.Facts = maps.Clone(w.node.Ports), &events.Node{Allocatable: w.node.Facts.Allocatable}
		how := "holding one more"
		if Check(q, &less).OK() {
			less.Hold(q, 1)
		} else {
			how = "with less to give"
			a := &less.Facts.Allocatable
			for _, x := range []*uint64{&a.MilliCPU, &a.Memory, &a.Storage, &a.Pods} {
				*x -= min(*x, w.amount())
			}
		}
		if after := Check(p, &less); after.OK() {
			t.Fatalf("seed %d: %+v is refused (%s), and fits %s: %s of %+v", seed, p, names[before.Reason], how, less.books(), less.Facts.Allocatable)
		}
	}
	for _, r := range []Reason{HostPort, TooManyPods, CPU, Memory, Storage} {
		if refused[r] < 30 {
			t.Errorf("refused for %s only %d times: the nodes are too dull", names[r], refused[r])
		}
	}
}
