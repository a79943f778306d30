package fold

import (
	"fmt"
	"syscall"
	"testing"

	"cairn/events"
)

// BenchmarkEndpointFlip is one readiness change of one pod behind a service.
// What it costs must not grow with the service's size: compare the rows.
// kept/op is what the view keeps for ever of it, before compression.
func BenchmarkEndpointFlip(b *testing.B) {
	for _, pods := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprint(pods), func(b *testing.B) {
			feed := serviceOf(b, pods)
			kept, before := 0, cpu()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				e := report(fmt.Sprint("p", i%pods), i/pods%2 == 0)
				i++
				for _, c := range feed(e).Changes {
					kept += len(EncodeProjected(c.Projected))
				}
			}
			b.ReportMetric(float64(kept)/float64(b.N), "kept/op")
			b.ReportMetric((cpu()-before)*1e6/float64(b.N), "cpu-us/op")
		})
	}
}

// cpu is what this process has used, in seconds: on a busy machine it says
// more than the clock does.
func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func report(pod string, ready bool) *events.Event {
	return &events.Event{Type: events.PodReported, Subject: events.Ref{Kind: events.Pods, Namespace: "d", Name: pod}, UID: "u-" + pod,
		Actor: events.Actor{Node: "n"}, Facts: events.Facts{Report: &events.Report{Epoch: 1, Registration: 3, Phase: events.Running, Ready: ready}}}
}

// serviceOf is a state with a service, a replica set and so many pods on a node.
func serviceOf(b *testing.B, pods int) func(*events.Event) Result {
	s, n := New(), uint32(0)
	feed := func(e *events.Event) Result {
		n++
		e.ID = events.ID{12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
		e.Base = s.Last()
		r := s.Apply(Input{Offset: s.Last() + 1, Time: int64(n), Event: e})
		if !r.Outcome.Accepted() {
			b.Fatal(e.Type, e.Subject, r.Outcome)
		}
		return r
	}
	body := []events.Part{{Column: events.Spec, Data: []byte("b")}}
	c := cellRecord()
	c.Facts.Cell.NodeMask, c.Facts.Cell.Window = 17, 1<<17
	feed(c)
	feed(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "d"}, UID: "d", Parts: body})
	feed(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Nodes, Name: "n"}, UID: "n", Parts: body,
		Facts: events.Facts{Node: &events.Node{Allocatable: events.Resources{Pods: 1 << 20}}}})
	feed(&events.Event{Type: events.NodeRegistered, Subject: events.Ref{Kind: events.Nodes, Name: "n"}})
	labels := []events.Pair{{Key: "app", Value: "web"}}
	feed(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.ReplicaSets, Namespace: "d", Name: "r"}, UID: "u-r", Parts: body,
		Facts: events.Facts{Workload: &events.Workload{TemplateLabels: labels}}})
	feed(&events.Event{Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Services, Namespace: "d", Name: "s"}, UID: "u-s", Parts: body,
		Facts: events.Facts{Service: &events.Service{Type: "ClusterIP", Selector: labels, Ports: []events.ServicePort{{Protocol: "TCP", Port: 80, Target: 80}}}}})
	for i := range pods {
		ref := events.Ref{Kind: events.Pods, Namespace: "d", Name: fmt.Sprint("p", i)}
		feed(&events.Event{Type: events.ObjectCreated, Subject: ref, UID: "u-" + ref.Name, Parts: body, Facts: events.Facts{Labels: labels, Pod: &events.Pod{},
			Owners: []events.Owner{{Kind: events.ReplicaSets, Name: "r", UID: "u-r", Controller: true}}}})
		feed(&events.Event{Type: events.PodPlaced, Subject: ref, UID: "u-" + ref.Name, Facts: events.Facts{Placement: &events.Placement{Node: "n", Registration: 3}}})
	}
	return feed
}
