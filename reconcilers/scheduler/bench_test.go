package scheduler

import (
	"fmt"
	"testing"
	"time"

	"cairn/events"
)

const manyNodes, manyPods = 5000, 30000

// settled is a cell of 5,000 nodes; each third is of another zone.
func settled(b *testing.B) *cell {
	c := newCell(b)
	for i := range manyNodes {
		n := big(32000, 110)
		if i%10 == 0 {
			n.Taints = []events.Taint{{Key: "gpu", Value: "yes", Effect: "NoSchedule"}}
		}
		c.node(fmt.Sprintf("n%04d", i), n, events.Pair{Key: "zone", Value: fmt.Sprint("z", i%3)})
	}
	return c
}

// arrive adds a pod of one of 300 replica sets of 30 shapes.
func arrive(c *cell, i int) {
	p := small(uint64(50 + i%10*10))
	if i%3 == 1 {
		p.NodeSelector = []events.Pair{{Key: "zone", Value: "z1"}}
	}
	c.create(fmt.Sprint("p", i), fmt.Sprint("rs", i%300), p)
}

// BenchmarkPlacing places 30,000 pods on 5,000 nodes: the scheduler alone, and
// with the fold that says yes.
func BenchmarkPlacing(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := settled(b)
		for i := range manyPods {
			arrive(c, i)
		}
		b.StartTimer()
		var planning time.Duration
		for placed := 0; placed < manyPods; {
			began := time.Now()
			plan := c.s.Plan(c.now)
			planning += time.Since(began)
			if n := c.do(plan); n > 0 || len(plan.Intents) == 0 {
				b.Fatalf("%d refused of %d", n, len(plan.Intents))
			}
			placed += len(plan.Intents)
		}
		b.ReportMetric(manyPods/planning.Seconds(), "pods/s-planned")
		b.ReportMetric(manyPods/b.Elapsed().Seconds()*float64(b.N), "pods/s-folded")
	}
}

// BenchmarkOnePodArrives is what a pod costs from its creation to its place, in
// a settled cell: of a shape that was placed lately, and of one never seen.
func BenchmarkOnePodArrives(b *testing.B) {
	c := settled(b)
	for i := range manyPods {
		arrive(c, i)
	}
	for len(c.s.ready) > 0 {
		c.do(c.s.Plan(c.now))
	}
	i := manyPods
	for _, kind := range []string{"of-a-known-shape", "of-a-new-shape"} {
		b.Run(kind, func(b *testing.B) {
			var planning time.Duration
			for b.Loop() {
				i++
				if kind == "of-a-new-shape" {
					c.create(fmt.Sprint("p", i), "", small(uint64(i)%4000))
				} else {
					arrive(c, i)
				}
				began := time.Now()
				plan := c.s.Plan(c.now)
				planning += time.Since(began)
				if len(plan.Intents) != 1 || c.do(plan) > 0 {
					b.Fatal("it was not placed")
				}
				c.must(&events.Event{Type: events.ObjectDeleted, Subject: plan.Intents[0].Record.Subject, UID: plan.Intents[0].Record.UID})
			}
			b.ReportMetric(float64(planning.Nanoseconds())/float64(b.N), "ns-planning")
		})
	}
}

// BenchmarkAPodThatFitsNowhere is what each further pod costs where none fits.
func BenchmarkAPodThatFitsNowhere(b *testing.B) {
	c := settled(b)
	i := 0
	for b.Loop() {
		i++
		c.create(fmt.Sprint("p", i), "", small(64000))
		plan := c.s.Plan(c.now)
		if len(plan.Intents) != 1 || c.do(plan) > 0 {
			b.Fatalf("%d intents", len(plan.Intents))
		}
	}
}
