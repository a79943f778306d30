package feeds

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Each file is a story: objects as they become, what the feeds' streams say
// then, and what a node makes of it where its services or peers change.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		pods, network, table := NewPods(0), NewNetwork(0, 0), feed.NewTable()
		offset := events.Offset(0)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			offset++
			var out []string
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				o := parse(t, line, events.RevisionOf(0, offset, 0))
				switch {
				case o.Ref.Kind == events.Pods && d.Cmd == "removed":
					out = append(out, sayPods(t, pods.Remove(o.Ref, o.UID, o.Revision))...)
				case o.Ref.Kind == events.Pods:
					out = append(out, sayPods(t, pods.Set(o, "alice"))...)
				case d.Cmd == "removed":
					out = append(out, sayRows(t, table, network.Remove(o.Ref, o.Revision))...)
				default:
					out = append(out, sayRows(t, table, network.Set(o))...)
				}
			}
			if len(out) == 0 {
				return "nothing"
			}
			out = append(out, sayTable(table)...)
			return strings.Join(out, "\n")
		})
	})
}

func sayPods(t *testing.T, list []*Placed) (out []string) {
	for _, p := range list {
		var e feed.AssignmentEntry
		decode(t, p.Frame, &e)
		line := fmt.Sprintf("to %s at %d: %s", p.Node, e.Offset, e.Key)
		if a := e.Pod; a == nil {
			line += " gone"
		} else {
			line += fmt.Sprintf(" epoch %d digest %.6s", a.Epoch, a.Digest)
			if a.Address != "" {
				line += " " + a.Address
			}
			if a.Deleting != 0 {
				line += fmt.Sprintf(" deleting %d for %s", a.Deleting, a.Why)
			}
			if a.Finished {
				line += " finished"
			}
		}
		out = append(out, line)
	}
	return out
}

func sayRows(t *testing.T, table *feed.Table, rows []*Row) (out []string) {
	for _, r := range rows {
		var e feed.VIPEntry
		decode(t, r.Stream, &e)
		line := fmt.Sprintf("at %d: %s", e.Offset, e.Key)
		switch {
		case e.Service != nil:
			line += fmt.Sprintf(" service %v", *e.Service)
		case e.Slice != nil:
			line += fmt.Sprintf(" slice %v", *e.Slice)
		case e.Change != nil:
			line += fmt.Sprintf(" without %v with %v", e.Change.Gone, e.Change.Set)
		case e.Peer != nil:
			line += fmt.Sprintf(" peer %v", *e.Peer)
		default:
			line += " gone"
		}
		out = append(out, line)
		if err := table.Take(&e); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func sayTable(table *feed.Table) (out []string) {
	for _, v := range table.Services() {
		line := fmt.Sprintf("node: %s/%s %v", v.Namespace, v.Name, v.Address)
		if v.StickySeconds != 0 {
			line += fmt.Sprintf(" sticky %d", v.StickySeconds)
		}
		for _, p := range v.Ports {
			line += fmt.Sprintf(" %s:%d", p.Name, p.Port.Port)
			if p.NodePort != 0 {
				line += fmt.Sprintf("(%d)", p.NodePort)
			}
			for _, b := range p.Endpoints {
				line += fmt.Sprintf(" -> %s", b.Address)
			}
		}
		out = append(out, line)
	}
	if peers := table.Peers(); len(peers) > 0 {
		out = append(out, fmt.Sprintf("node: peers %v", peers))
	}
	return out
}

func decode(t *testing.T, frame []byte, m wire.Message) {
	t.Helper()
	if err := wire.Decode(feed.FrameBody(frame), m); err != nil {
		t.Fatal(err)
	}
}

// parse reads "pod default/web-1 node=n1 epoch=1 deleting=9 stopped phase=Failed spec=x",
// "service default/web ip=10.96.0.7 port=http:80 nodeport=30080 headless",
// "slice default/web-x of=web port=http:8080 ready=10.1.0.2 notready=10.1.0.3",
// the same with "mine" for a user's own, and "node /n1 range=10.1.0.0/24 ip=192.0.2.1".
func parse(t *testing.T, line string, rev events.Revision) *view.Object {
	t.Helper()
	words := strings.Fields(line)
	ns, name, _ := strings.Cut(words[1], "/")
	o := &view.Object{Ref: events.Ref{Namespace: ns, Name: name}, UID: "u-" + name, Revision: rev, Facts: &events.Facts{}}
	arg := map[string][]string{}
	for _, w := range words[2:] {
		k, v, _ := strings.Cut(w, "=")
		arg[k] = append(arg[k], v)
	}
	one := func(k string) string { return strings.Join(arg[k], ",") }
	num := func(s string) (n uint64) { fmt.Sscan(s, &n); return n }
	switch words[0] {
	case "pod":
		o.Ref.Kind = events.Pods
		o.Facts.Deleting = int64(num(one("deleting")))
		phase := map[string]events.Phase{"Succeeded": events.Succeeded, "Failed": events.Failed}[one("phase")]
		o.Projected = &fold.Projected{Pod: &fold.PodState{Node: one("node"), Epoch: num(one("epoch")), Address: one("ip"), Stopped: arg["stopped"] != nil, Phase: phase}}
		if arg["spec"] != nil {
			o.Spec = &events.Part{Data: []byte(one("spec"))}
		}
	case "node":
		o.Ref.Kind = events.Nodes
		o.Facts.Node = &events.Node{Addresses: []events.Pair{{Key: "Hostname", Value: name}, {Key: "InternalIP", Value: one("ip")}}}
		o.Projected = &fold.Projected{Node: &fold.NodeState{PodRange: one("range")}}
	case "service":
		o.Ref.Kind = events.Services
		s := &events.Service{Headless: arg["headless"] != nil, StickySeconds: num(one("sticky"))}
		for _, p := range arg["port"] {
			name, n, _ := strings.Cut(p, ":")
			s.Ports = append(s.Ports, events.ServicePort{Name: name, Protocol: "TCP", Port: num(n)})
		}
		o.Facts.Service = s
		o.Projected = &fold.Projected{Service: &fold.ServiceState{ClusterIP: one("ip"), NodePorts: []uint64{num(one("nodeport"))}}}
	case "slice":
		o.Ref.Kind = events.EndpointSlices
		if arg["mine"] != nil {
			mine(o, arg, num)
			return o
		}
		state := &fold.SliceState{Service: one("of")}
		for _, p := range arg["port"] {
			name, n, _ := strings.Cut(p, ":")
			state.Ports = append(state.Ports, events.ServicePort{Name: name, Protocol: "TCP"})
			state.Targets = append(state.Targets, num(n))
		}
		for _, is := range []string{"ready", "notready"} {
			for _, a := range arg[is] {
				state.Backends = append(state.Backends, fold.Backend{Address: a, Ready: is == "ready", Node: "n1"})
			}
		}
		o.Facts, o.Projected = nil, &fold.Projected{Slice: state}
	default:
		t.Fatalf("unknown line %q", line)
	}
	return o
}

func mine(o *view.Object, arg map[string][]string, num func(string) uint64) {
	var sub events.EndpointSubset
	for _, p := range arg["port"] {
		name, n, _ := strings.Cut(p, ":")
		sub.Ports = append(sub.Ports, events.EndpointPort{Name: name, Protocol: "TCP", Port: num(n)})
	}
	for _, a := range arg["ready"] {
		sub.Addresses = append(sub.Addresses, events.EndpointAddress{Address: a, Ready: true})
	}
	o.Facts.Endpoints = &events.EndpointSet{Service: strings.Join(arg["of"], ""), Subsets: []events.EndpointSubset{sub}}
}
