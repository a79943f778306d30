package scheduler

import (
	"fmt"
	"testing"
	"time"

	"cairn/events"
	"cairn/projections/fit"
	"cairn/reconcilers/reconcile"
)

// run plans and does until nothing is left to do now, and counts the records.
func (c *cell) run() (records int) {
	for {
		plan := c.s.Plan(c.now)
		if len(plan.Intents) == 0 {
			return records
		}
		records += len(plan.Intents)
		c.do(plan)
	}
}

// pass lets time go by, and what falls due be done.
func (c *cell) pass(d time.Duration) (records int) {
	for end := c.now.Add(d); ; {
		records += c.run()
		due := c.s.Plan(c.now).Due
		if due.IsZero() || due.After(end) {
			c.now = end
			return records + c.run()
		}
		c.now = due
	}
}

func (c *cell) cordon(name string, yes bool) {
	ref := events.Ref{Kind: events.Nodes, Name: name}
	old := c.live[ref]
	f := *old.Facts
	n := *f.Node
	n.Unschedulable = yes
	f.Node = &n
	c.must(&events.Event{Type: events.ObjectUpdated, Subject: ref, UID: old.UID, Facts: f})
}

func TestAThousandPodsThatWaitAreToldOnceThoughANodeIsCordonedThreeTimes(t *testing.T) {
	for _, between := range []time.Duration{0, time.Second, 50 * time.Second} {
		c := newCell(t)
		c.node("n1", big(1000, 110))
		for i := range 1000 {
			c.create(fmt.Sprint("p", i), "", small(2000))
		}
		records := c.run()
		for range 3 {
			for _, yes := range []bool{true, false} {
				c.cordon("n1", yes)
				records += c.pass(between)
			}
		}
		if records != 1000 {
			t.Errorf("with %v between: %d records", between, records)
		}
	}
}

func TestReasonsThatStayAreToldAndNeverOftenerThanTheBackOff(t *testing.T) {
	c := newCell(t)
	c.node("n1", big(1000, 110))
	c.create("p", "", small(2000))
	c.run()
	c.cordon("n1", true)
	if n := c.pass(refresh); n != 1 || c.pod("p").Decision.Filtered[0].Reason != uint64(fit.Unschedulable) {
		t.Errorf("after %v the cordon was told %d times: %+v", refresh, n, c.pod("p").Decision)
	}
	// A new node each second, each with another reason not to fit.
	records := 0
	for i := range 600 {
		n := big(1000, 110)
		n.Taints = []events.Taint{{Key: fmt.Sprint("k", i), Effect: "NoSchedule"}}
		c.node(fmt.Sprint("m", i), n)
		records += c.pass(time.Second)
	}
	if records > 10 {
		t.Errorf("%d records in ten minutes", records)
	}
}

func TestRoomIsUsedAtOnceWhateverTheBackOffSays(t *testing.T) {
	c := newCell(t)
	c.node("n1", big(1000, 1))
	c.create("first", "", small(100))
	c.run()
	for i := range 100 {
		c.create(fmt.Sprint("p", i), "", small(100))
	}
	if n := c.run(); n != 100 {
		t.Fatalf("%d were told", n)
	}
	for i := range 50 {
		gone := "first"
		if i > 0 {
			gone = fmt.Sprint("p", i-1)
		}
		st := c.pod(gone)
		c.must(&events.Event{Type: events.ContainerExited, Subject: podRef(gone), UID: c.live[podRef(gone)].UID, Actor: events.Actor{Node: "n1"},
			Facts: events.Facts{Report: &events.Report{Epoch: st.Epoch, Registration: st.Registration, Phase: events.Succeeded}}})
		if n := c.run(); n != 1 || c.pod(fmt.Sprint("p", i)).Node != "n1" {
			t.Fatalf("after %s ended: %d records, and p%d is on %q", gone, n, i, c.pod(fmt.Sprint("p", i)).Node)
		}
	}
}

// The fold knows one thing that the scheduler does not: which addresses of a
// node's range are still claimed.
func TestARefusalThatTheStateCannotExplainWaitsLongerEachTime(t *testing.T) {
	c := newCellOf(t, 30) // a node has two addresses
	c.node("n1", big(100000, 110))
	for i := range 3 {
		c.create(fmt.Sprint("p", i), "", small(100))
	}
	for i := range 2 { // deleted by force: the claims on their addresses stay
		c.run()
		c.must(&events.Event{Type: events.ObjectDeleted, Subject: podRef(fmt.Sprint("p", i)), UID: c.live[podRef(fmt.Sprint("p", i))].UID})
	}
	began, before := c.now, c.records
	c.pass(time.Hour)
	st := c.pod("p2")
	if st.Placed != 0 || st.Attempts < 18 || st.Attempts > 22 {
		t.Errorf("in an hour it was tried %d times: %+v", st.Attempts, st)
	}
	if n := c.records - before; n > 50 {
		t.Errorf("%d records since %v", n, began)
	}
	c.node("n2", big(100000, 110))
	c.pass(backOffMost)
	if st := c.pod("p2"); st.Node != "n2" {
		t.Errorf("another node has room, and it is on %q", st.Node)
	}
}

func TestSeveralSchedulersAtOnceComeToTheSame(t *testing.T) {
	c := newCell(t)
	for i := range 10 {
		c.node(fmt.Sprint("n", i), big(1000, 20))
	}
	for i := range 150 {
		c.create(fmt.Sprint("p", i), fmt.Sprint("rs", i%7), small(uint64(10+i%3)))
	}
	refused := 0
	for range 20 {
		mine, other := c.s.Plan(c.now), c.again().Plan(c.now)
		for i := range mine.Intents { // record by record, both
			c.do(reconcile.Plan{Intents: mine.Intents[i : i+1]})
			refused += c.do(reconcile.Plan{Intents: other.Intents[i:min(i+1, len(other.Intents))]})
		}
	}
	placed := 0
	for i := range 150 {
		if c.pod(fmt.Sprint("p", i)).Placed != 0 {
			placed++
		}
	}
	if placed != 150 || refused > 150 {
		t.Errorf("%d placed, %d refused", placed, refused)
	}
}

func TestReasonsThatKeepChangingAreToldAsTheBackOffSays(t *testing.T) {
	c := newCell(t)
	c.node("n1", big(1000, 110))
	for i := range 100 {
		c.create(fmt.Sprint("p", i), "", small(2000))
	}
	records := c.run()
	for i := range 60 { // each second another reason, and a pod that asks for it
		n := big(1000, 110)
		n.Taints = []events.Taint{{Key: fmt.Sprint("k", i), Effect: "NoSchedule"}}
		c.node(fmt.Sprint("m", i), n)
		c.create(fmt.Sprint("q", i), "", small(2000))
		records += c.pass(time.Second)
	}
	if records > 160*7 {
		t.Errorf("%d records about 160 pods in a minute", records)
	}
}

func TestABatchThatWasNeverWrittenIsPlannedAgain(t *testing.T) {
	c := newCell(t)
	c.node("n1", big(1000, 110))
	c.create("p", "", small(1000))
	first := c.s.Plan(c.now)
	again := c.s.Plan(c.now) // the ledger could not be reached
	if len(first.Intents) != 1 || len(again.Intents) != 1 || c.do(again) > 0 || c.pod("p").Node != "n1" {
		t.Errorf("planned %d and again %d, on %q", len(first.Intents), len(again.Intents), c.pod("p").Node)
	}
	if a, b := books(&c.s.state), books(&c.again().state); a != b {
		t.Errorf("kept from changes:\n%s\nmade anew:\n%s", a, b)
	}
}
