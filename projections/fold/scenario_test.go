package fold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
)

// Scenarios are text files: records in, outcomes and changes out.
//
//	cell [GATE|tiny|bad]              record 0, at the first gate unless told
//	TYPE KIND[/NAMESPACE]/NAME k=v... one record; see record below for the keys
//	again OFFSET                      the same bytes once more
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				out.WriteString(w.line(t, line))
			}
			w.check(t)
			return out.String()
		})
	})
}

// world is a state with all that was fed to it.
type world struct {
	state   *State
	inputs  []Input
	results []Result
	frames  [][]byte
	rows    map[string][]byte // that the state gave so far
}

func newWorld() *world { return &world{state: New(), rows: map[string][]byte{}} }

// feed writes e as its ledger would hold it, and folds what is read back.
func (w *world) feed(e *events.Event) Result {
	frame := events.AppendFrame(nil, e)
	read, err := events.ReadFrame(frame)
	w.frames = append(w.frames, frame)
	return w.apply(read, err)
}

func (w *world) apply(e *events.Event, err error) Result {
	if err != nil {
		e = nil
	}
	in := Input{Offset: w.state.Last() + 1, Time: int64(w.state.Last()+2) * 1e9, Event: e, Err: err}
	r := w.state.Apply(in)
	w.inputs, w.results = append(w.inputs, in), append(w.results, r)
	return r
}

func cellRecord() *events.Event {
	return &events.Event{ID: events.ID{15: 255}, Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"}, Base: -1,
		Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "i", Gate: events.GateFirst, Window: 16, PodRange: "10.244.0.0/16",
			ServiceRange: "10.96.0.0/24", NodeMask: 29, NodePortLow: 30000, NodePortHigh: 30003, DNSAddress: "10.96.0.10"}}}
}

func (w *world) line(t *testing.T, line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	var e *events.Event
	switch words[0] {
	case "cell":
		e = cellRecord()
		for _, word := range words[1:] {
			w.cell(t, e.Facts.Cell, word)
		}
	case "again":
		n, _ := strconv.Atoi(words[1])
		e = w.inputs[n].Event
	default:
		e = w.record(t, words)
	}
	return show(w.feed(e))
}

func (w *world) cell(t *testing.T, c *events.Cell, word string) {
	switch word {
	case "tiny":
		c.PodRange, c.NodeMask, c.ServiceRange = "10.244.0.0/30", 30, "10.96.0.0/28"
	case "bad":
		c.Window = 0
	default:
		g, err := events.ParseGate(word)
		must(t, err)
		c.Gate = g
	}
}

// record reads `TYPE KIND/NS/NAME k=v...`; the uid is the name's unless uid= says else.
func (w *world) record(t *testing.T, words []string) *events.Event {
	n := w.state.Last() + 1
	e := &events.Event{ID: events.ID{14: byte(n >> 8), 15: byte(n)}, Type: events.Type(words[0]), Base: n - 1}
	parts := strings.Split(words[1], "/")
	e.Subject = events.Ref{Kind: parts[0], Name: parts[len(parts)-1]}
	if len(parts) == 3 {
		e.Subject.Namespace = parts[1]
	}
	e.UID = "u-" + e.Subject.Name
	e.Actor.User = "alice"
	for _, kv := range words[2:] {
		k, v, _ := strings.Cut(kv, "=")
		w.field(t, e, k, v)
	}
	if e.Type == events.ObjectCreated {
		e.Parts = []events.Part{{Column: events.Spec, Encoding: "text", Data: []byte("body")}}
		kindFacts(e)
	} else if e.Type == events.ObjectUpdated || e.Type == events.DeletionRequested || e.Type == events.PodEvicted {
		kindFacts(e)
	}
	return e
}

func kindFacts(e *events.Event) {
	f := &e.Facts
	if e.Subject.Kind == events.Pods && f.Pod == nil {
		f.Pod = &events.Pod{}
	}
	if e.Subject.Kind == events.Nodes && f.Node == nil {
		f.Node = &events.Node{}
	}
}

func pairs(v string) []events.Pair {
	var list []events.Pair
	for _, p := range strings.Split(v, ",") {
		k, x, _ := strings.Cut(p, ":")
		list = append(list, events.Pair{Key: k, Value: x})
	}
	slices.SortFunc(list, func(a, b events.Pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// field sets what `k=v` says; keys are told apart by what they speak of.
func (w *world) field(t *testing.T, e *events.Event, k, v string) {
	num, _ := strconv.ParseUint(v, 10, 64)
	if !envelopeField(e, k, v, num) && !podField(&e.Facts, k, v, num) && !nodeField(&e.Facts, k, v, num) &&
		!reportField(&e.Facts, k, v, num) && !serviceField(&e.Facts, k, v, num) && !workloadField(e, k, v, num) {
		t.Fatalf("no such field: %s", k)
	}
}

func made[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

func envelopeField(e *events.Event, k, v string, num uint64) bool {
	f := &e.Facts
	switch k {
	case "uid":
		e.UID = v
	case "base":
		e.Base = events.Offset(num)
	case "written":
		e.Require.Written = events.RevisionOf(0, events.Offset(num), 0)
	case "reason":
		e.Reason = v
	case "by":
		e.Actor = events.Actor{Reconciler: v}
	case "node":
		e.Actor = events.Actor{Node: v}
	case "labels":
		f.Labels = pairs(v)
	case "gate":
		n, err := events.ParseGate(v)
		if err != nil {
			n = events.Gate(num)
		}
		switch e.Type {
		case events.FoldActivated:
			f.Activation = &events.Activation{Gate: n}
		default:
			f.Server = &events.Server{Supports: n, Version: "v"}
		}
	case "owner":
		kind, name, _ := strings.Cut(v, "/")
		f.Owners = []events.Owner{{Kind: kind, Name: name, UID: "u-" + name, Controller: true}}
	case "finalizers":
		f.Finalizers = strings.Split(v, ",")
	case "deleting":
		f.Deleting = int64(num)
	default:
		return false
	}
	return true
}

func podField(f *events.Facts, k, v string, num uint64) bool {
	switch k {
	case "cpu":
		made(&f.Pod).Requests.MilliCPU = num
	case "tolerates":
		made(&f.Pod).Tolerations = []events.Toleration{{Operator: "Exists", Forever: true}}
	case "filtered":
		f.Decision = &events.Decision{Nodes: 2, Filtered: []events.Filtered{{Reason: num, Nodes: 2}}}
	case "hostport":
		made(&f.Pod).HostPorts = []events.HostPort{{Protocol: "TCP", Port: num}}
	case "ports":
		for _, p := range pairs(v) {
			n, _ := strconv.ParseUint(p.Value, 10, 64)
			made(&f.Pod).Ports = append(f.Pod.Ports, events.PodPort{Name: p.Key, Protocol: "TCP", Port: n})
		}
	default:
		return false
	}
	return true
}

func nodeField(f *events.Facts, k, v string, num uint64) bool {
	switch k {
	case "allocatable":
		f.Node = &events.Node{Allocatable: events.Resources{MilliCPU: num, Memory: 1 << 30, Pods: 3}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}
	case "cordoned":
		made(&f.Node).Unschedulable = true
	case "wants":
		made(&f.Pod).NodeName = v
	case "on":
		made(&f.Placement).Node = v
	case "at":
		made(&f.Placement).Registration = events.Offset(num)
	default:
		return false
	}
	return true
}

func reportField(f *events.Facts, k, v string, num uint64) bool {
	if f.Report == nil {
		f.Report = &events.Report{Epoch: 1}
		if !reportField(f, k, v, num) {
			f.Report = nil
			return false
		}
		return true
	}
	switch k {
	case "epoch":
		f.Report.Epoch = num
	case "registration":
		f.Report.Registration = events.Offset(num)
	case "phase":
		f.Report.Phase = map[string]events.Phase{"Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 3}[v]
	case "ready":
		f.Report.Ready = true
	case "incident":
		f.Report.Incidents = []events.Incident{{Reason: v, Message: "it happened"}}
	default:
		return false
	}
	return true
}

func serviceField(f *events.Facts, k, v string, num uint64) bool {
	switch k {
	case "type":
		made(&f.Service).Type = v
	case "selector":
		made(&f.Service).Selector = pairs(v)
	case "port":
		for _, p := range strings.Split(v, ",") {
			from, to, _ := strings.Cut(p, ":")
			a, _ := strconv.ParseUint(from, 10, 64)
			b, err := strconv.ParseUint(to, 10, 64)
			sp := events.ServicePort{Protocol: "TCP", Port: a, Target: b}
			if err != nil {
				sp.TargetName = to
			}
			made(&f.Service).Ports = append(f.Service.Ports, sp)
		}
	case "nodeport":
		f.Service.Ports[len(f.Service.Ports)-1].NodePort = num
	case "ip":
		made(&f.Service).ClusterIP = v
	default:
		return false
	}
	return true
}

func workloadField(e *events.Event, k, v string, num uint64) bool {
	f := &e.Facts
	switch k {
	case "replicas":
		made(&f.Workload).Replicas = num
	case "hash":
		made(&f.Workload).TemplateHash = v
	case "deployment":
		f.Deployment = &events.Deployment{}
	case "subset": // ADDRESS,ADDRESS:PORT; a subset more
		list, port, _ := strings.Cut(v, ":")
		n, _ := strconv.ParseUint(port, 10, 64)
		sub := events.EndpointSubset{Ports: []events.EndpointPort{{Name: "p" + port, Protocol: "TCP", Port: n}}}
		for _, a := range strings.Split(list, ",") {
			address, ready := strings.CutSuffix(a, "!")
			sub.Addresses = append(sub.Addresses, events.EndpointAddress{Address: address, Ready: !ready})
		}
		made(&f.Endpoints).Service = e.Subject.Name
		f.Endpoints.Subsets = append(f.Endpoints.Subsets, sub)
	default:
		return false
	}
	return true
}

func show(r Result) string {
	var b strings.Builder
	what := "a record that is none"
	if r.Event != nil {
		what = fmt.Sprintf("%s %s", r.Event.Type, r.Event.Subject)
	}
	fmt.Fprintf(&b, "%d %s: ", r.Offset, what)
	if !r.Outcome.Accepted() {
		fmt.Fprintf(&b, "REFUSED %s", r.Outcome.Code)
		if r.Outcome.Field != "" {
			fmt.Fprintf(&b, " %s", r.Outcome.Field)
		}
		if r.Outcome.Code == Duplicate {
			fmt.Fprintf(&b, " of %d", r.Outcome.DuplicateOf)
		}
		fmt.Fprintf(&b, ": %s %s", r.Outcome.Reason, strings.Join(r.Outcome.Args, " "))
		return strings.TrimRight(b.String(), " :") + "\n"
	}
	b.WriteString("accepted\n")
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "  %d.%d %s", c.Revision.Offset(0), c.Revision&events.MaxOrdinal, c.Ref)
		if c.Deleted {
			b.WriteString(" gone\n")
			continue
		}
		if c.FactsChanged {
			b.WriteString(" facts")
		}
		b.WriteString(showProjected(c.Projected) + "\n")
	}
	for _, k := range r.KubeEvents {
		fmt.Fprintf(&b, "  event %s by %s: %d %s %s%v %q\n", k.Regarding, k.Source, k.Code, k.Reason, strings.Join(k.Args, " "), k.Decision != nil, k.Note)
	}
	return b.String()
}

func showProjected(p *Projected) string {
	switch {
	case p == nil:
		return ""
	case p.Pod != nil:
		s := p.Pod
		out := fmt.Sprintf(" node=%s epoch=%d address=%s phase=%s ready=%t stopped=%t lost=%t", s.Node, s.Epoch, s.Address, s.Phase, s.Ready, s.Stopped, s.Lost)
		if s.Decision != nil {
			out += fmt.Sprintf(" attempts=%d filtered=%v", s.Attempts, s.Decision.Filtered)
		}
		return out
	case p.Node != nil:
		return fmt.Sprintf(" pods=%s registration=%d ready=%t code=%d", p.Node.PodRange, p.Node.Registration, p.Node.Ready, p.Node.Code)
	case p.Service != nil:
		return fmt.Sprintf(" ip=%s nodeports=%v", p.Service.ClusterIP, p.Service.NodePorts)
	case p.Workload != nil:
		return fmt.Sprintf(" replicas=%d labeled=%d ready=%d updated=%d", p.Workload.Replicas, p.Workload.FullyLabeled, p.Workload.Ready, p.Workload.Updated)
	case p.Server != nil:
		return fmt.Sprintf(" supports=%d registered=%d", p.Server.Supports, p.Server.Registered)
	case p.Endpoints != nil:
		return fmt.Sprintf(" service=%s updated=%d", p.Endpoints.Service, p.Endpoints.Updated)
	}
	out := fmt.Sprintf(" targets=%v backends=", p.Slice.Targets)
	for _, b := range p.Slice.Backends {
		out += fmt.Sprintf("%s/ready=%t/terminating=%t ", b.Address, b.Ready, b.Terminating)
	}
	return strings.TrimRight(out, " ")
}
