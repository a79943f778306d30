package feeds

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Each file is a story: objects as they become, and what the feeds say then.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		pods, services := NewPods(0, "n1"), NewServices(0)
		offset := events.Offset(0)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			offset++
			var out []string
			say := func(v any) {
				b, _ := json.Marshal(v)
				out = append(out, string(b))
			}
			var refs []events.Ref
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				o := parse(t, line, events.RevisionOf(0, offset, 0))
				switch {
				case o.Ref.Kind == events.Pods && d.Cmd == "removed":
					for _, x := range pods.Remove(o.Ref, o.UID, o.Revision) {
						say(x.Entry)
					}
				case o.Ref.Kind == events.Pods:
					for _, x := range pods.Set(o) {
						say(x.Entry)
					}
				case d.Cmd == "removed":
					refs = append(refs, services.Remove(o.Ref)...)
				default:
					refs = append(refs, services.Set(o)...)
				}
			}
			for _, ref := range refs {
				if e := services.Entry(ref, offset); e != nil {
					say(e)
				}
			}
			if len(out) == 0 {
				return "nothing"
			}
			return strings.Join(out, "\n")
		})
	})
}

// parse reads "pod default/web-1 node=n1 epoch=1 deleting=9 stopped spec=x",
// "service default/web ip=10.96.0.7 port=http:80 nodeport=30080 headless",
// "slice default/web-x of=web port=http ready=10.1.0.2:8080 notready=10.1.0.3:8080",
// "endpoints default/db ready=192.0.2.1:5432 port=sql".
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
		o.Projected = &fold.Projected{Pod: &fold.PodState{Node: one("node"), Epoch: num(one("epoch")), Address: one("ip"), Stopped: arg["stopped"] != nil}}
		if arg["spec"] != nil {
			o.Spec = &events.Part{Data: []byte(one("spec"))}
		}
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
		state := &fold.EndpointsState{Service: one("of")}
		for _, p := range arg["port"] {
			state.Ports = append(state.Ports, events.ServicePort{Name: p, Protocol: "TCP"})
		}
		for _, state2 := range []string{"ready", "notready"} {
			for _, a := range arg[state2] {
				ip, port, _ := strings.Cut(a, ":")
				b := fold.Backend{Address: ip, Ready: state2 == "ready", Node: "n1"}
				for range state.Ports {
					b.Targets = append(b.Targets, num(port))
				}
				state.Backends = append(state.Backends, b)
			}
		}
		o.Facts, o.Projected = nil, &fold.Projected{Endpoints: state}
	case "endpoints":
		o.Ref.Kind = events.Endpoints
		set := &events.EndpointSet{Service: name}
		for _, a := range arg["ready"] {
			ip, port, _ := strings.Cut(a, ":")
			set.Endpoints = append(set.Endpoints, events.Endpoint{PortName: one("port"), Protocol: "TCP", Address: ip, Port: num(port), Ready: true})
		}
		o.Facts.Endpoints = set
	default:
		t.Fatalf("unknown line %q", line)
	}
	return o
}
