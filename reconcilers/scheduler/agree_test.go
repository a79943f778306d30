package scheduler

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cairn/events"
)

// Whatever the scheduler picks on a state, the fold accepts on that state; and
// the state kept from changes is the one that a start would make. States are
// random: nodes cordoned, tainted, lost, registered anew, full, gone; pods that
// tolerate everything, name their node, ask for ports, are done, are ending.
func TestWhatIsPickedIsAccepted(t *testing.T) {
	placed, told := 0, 0
	for seed := range uint64(60) {
		c, rng := newCell(t), rand.New(rand.NewPCG(seed, 11))
		for i := range 400 {
			happens(c, rng)
			c.now = c.now.Add(time.Duration(rng.IntN(3000)) * time.Millisecond)
			if rng.IntN(4) != 0 {
				continue
			}
			plan := c.s.Plan(c.now)
			for _, x := range plan.Intents {
				if x.Record.Type == events.PodPlaced {
					placed++
				} else {
					told++
				}
			}
			if n := c.do(plan); n > 0 {
				t.Fatalf("seed %d, after %d: the fold refused %d of %d", seed, i, n, len(plan.Intents))
			}
			c.s.Plan(c.now) // what was assumed is known by now
			if a, b := books(&c.s.state), books(&c.again().state); a != b {
				t.Fatalf("seed %d, after %d: kept from changes:\n%s\nmade anew:\n%s", seed, i, a, b)
			}
			placeable(t, c, seed, i)
		}
	}
	if placed < 1000 || told < 300 {
		t.Errorf("only %d placed and %d told: the states are too dull", placed, told)
	}
}

// placeable fails where a pod waits though a scheduler that starts now would place it.
func placeable(t *testing.T, c *cell, seed uint64, i int) {
	t.Helper()
	for _, x := range c.again().Plan(c.now.Add(time.Hour)).Intents {
		if x.Record.Type == events.PodPlaced && c.s.pods[x.Record.Subject].wakes.IsZero() {
			t.Fatalf("seed %d, after %d: %s waits though %s fits", seed, i, x.Record.Subject, x.Record.Facts.Placement.Node)
		}
	}
}

// books prints what is held and who waits.
func books(s *state) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
		n := s.nodes[name]
		fmt.Fprintln(&b, name, n.exists, n.registration, n.Registered, n.Ready, n.Deleting, n.Used, len(n.Ports), n.Ports)
	}
	for _, ref := range slices.SortedFunc(maps.Keys(s.pods), events.Ref.Compare) {
		p := s.pods[ref]
		on := ""
		if p.node != nil {
			on = p.node.Name
		}
		fmt.Fprintln(&b, ref, p.uid, on, p.counted, p.attempts, p.triedAt, p.shape != nil)
	}
	for _, uid := range slices.Sorted(maps.Keys(s.groups)) {
		on := map[string]int{}
		for n, count := range s.groups[uid].on {
			on[n.Name] = count
		}
		fmt.Fprintln(&b, uid, s.groups[uid].count, on)
	}
	return b.String()
}

// happens lets one thing happen to the cell.
func happens(c *cell, rng *rand.Rand) {
	node := events.Ref{Kind: events.Nodes, Name: fmt.Sprint("n", rng.IntN(5))}
	there := c.live[node]
	switch x := rng.IntN(20); {
	case there == nil && x < 8:
		c.node(node.Name, randomNode(rng), randomLabels(rng)...)
	case there == nil || x >= 8:
		podHappens(c, rng)
	case x < 4:
		n := randomNode(rng)
		n.Addresses = there.Facts.Node.Addresses
		c.apply(&events.Event{Type: events.ObjectUpdated, Subject: node, UID: there.UID, Facts: events.Facts{Node: &n, Labels: randomLabels(rng), Deleting: there.Facts.Deleting}})
	case x == 4:
		c.apply(&events.Event{Type: events.NodeRegistered, Subject: node})
	case x == 5:
		c.apply(&events.Event{Type: events.NodeLost, Subject: node})
	case x == 6:
		c.apply(&events.Event{Type: events.NodeReady, Subject: node})
	case x == 7:
		t := events.ObjectDeleted
		f := events.Facts{}
		if rng.IntN(2) == 0 {
			t, f = events.DeletionRequested, *there.Facts
			f.Deleting, f.Finalizers = 5, []string{"hold"}
		}
		c.apply(&events.Event{Type: t, Subject: node, UID: there.UID, Facts: f})
	}
}

func podHappens(c *cell, rng *rand.Rand) {
	ref := podRef(fmt.Sprint("p", rng.IntN(25)))
	there := c.live[ref]
	if there == nil {
		owner := ""
		if rng.IntN(2) == 0 {
			owner = fmt.Sprint("rs", rng.IntN(3))
		}
		c.create(ref.Name, owner, randomPod(rng))
		return
	}
	st := there.Projected.Pod
	report := func(t events.Type, phase events.Phase) {
		c.apply(&events.Event{Type: t, Subject: ref, UID: there.UID, Actor: events.Actor{Node: st.Node},
			Facts: events.Facts{Report: &events.Report{Epoch: st.Epoch, Registration: st.Registration, Phase: phase, Ready: phase == events.Running}}})
	}
	switch rng.IntN(8) {
	case 0, 1:
		report(events.ContainerStarted, events.Running)
	case 2:
		report(events.ContainerExited, events.Succeeded)
	case 3:
		report(events.SandboxRemoved, st.Phase)
	case 4:
		f := *there.Facts
		f.Deleting = 5
		c.apply(&events.Event{Type: events.DeletionRequested, Subject: ref, UID: there.UID, Facts: f})
	case 5:
		c.apply(&events.Event{Type: events.ObjectDeleted, Subject: ref, UID: there.UID})
	case 6: // another scheduler, or a Binding
		node := fmt.Sprint("n", rng.IntN(5))
		registration := events.Offset(0)
		if n := c.live[events.Ref{Kind: events.Nodes, Name: node}]; n != nil && n.Projected != nil {
			registration = n.Projected.Node.Registration
		}
		c.apply(&events.Event{Type: events.PodPlaced, Subject: ref, UID: there.UID, Facts: events.Facts{Placement: &events.Placement{Node: node, Registration: registration}}})
	case 7: // tolerations may be added to a pod that waits
		f := *there.Facts
		p := *f.Pod
		p.Tolerations = randomPod(rng).Tolerations
		f.Pod = &p
		c.apply(&events.Event{Type: events.ObjectUpdated, Subject: ref, UID: there.UID, Facts: f})
	}
}

func randomNode(rng *rand.Rand) events.Node {
	n := big(uint64(rng.IntN(5))*500, uint64(rng.IntN(6)))
	n.Unschedulable = rng.IntN(4) == 0
	for _, effect := range []string{"NoSchedule", "NoExecute", "PreferNoSchedule"} {
		if rng.IntN(6) == 0 {
			n.Taints = append(n.Taints, events.Taint{Key: fmt.Sprint("k", rng.IntN(2)), Value: "v", Effect: effect})
		}
	}
	return n
}

func randomLabels(rng *rand.Rand) []events.Pair {
	return []events.Pair{{Key: "zone", Value: fmt.Sprint("z", rng.IntN(2))}}
}

func randomPod(rng *rand.Rand) events.Pod {
	p := small(uint64(rng.IntN(4)) * 250)
	p.Priority = int64(rng.IntN(2))
	switch rng.IntN(6) {
	case 0:
		p.Tolerations = []events.Toleration{{Operator: "Exists", Forever: true}}
	case 1:
		p.Tolerations = []events.Toleration{{Key: "k0", Operator: "Equal", Value: "v", Forever: true}}
	}
	switch rng.IntN(6) {
	case 0:
		p.NodeSelector = randomLabels(rng)
	case 1:
		p.NodeName = fmt.Sprint("n", rng.IntN(6))
	case 2:
		p.HostPorts = []events.HostPort{{Protocol: "TCP", Port: 80, Address: []string{"", "0.0.0.0", "192.0.2.1"}[rng.IntN(3)]}}
	case 3:
		p.Scheduler = []string{"", Name, "another"}[rng.IntN(3)]
	}
	return p
}
