package fold

import (
	"fmt"
	"math/rand/v2"

	"cairn/events"
)

// maker makes records at random about few names, so that they meet.
type maker struct {
	*rand.Rand
	w *world
	e *events.Event
}

func (m *maker) name(p string, k int) string { return fmt.Sprintf("%s%d", p, m.IntN(k)) }

func (m *maker) ref(kind, p string, k int) events.Ref {
	return events.Ref{Kind: kind, Namespace: "d", Name: m.name(p, k)}
}

func (m *maker) body() { m.e.Parts = []events.Part{{Column: events.Spec, Data: []byte("b")}} }

// about makes the subject a live object's, with its uid and facts to start from.
func (m *maker) about(typ events.Type, ref events.Ref) {
	m.e.Type, m.e.Subject = typ, ref
	if o := m.w.state.at(ref); o != nil && o.facts != nil {
		m.e.UID, m.e.Facts = o.uid, *o.facts
	}
}

func (m *maker) create(ref events.Ref) {
	m.e.Type, m.e.Subject, m.e.UID = events.ObjectCreated, ref, fmt.Sprint("u", m.w.state.Last())
	if m.IntN(2) == 0 {
		m.e.UID = "u-" + ref.Name // what owners name
	}
	m.body()
}

func (m *maker) labels() []events.Pair { return []events.Pair{{Key: "app", Value: m.name("a", 2)}} }

func (m *maker) owner() []events.Owner {
	kind, name := []string{events.ReplicaSets, events.Deployments, events.Pods}[m.IntN(3)], m.name("w", 3)
	return []events.Owner{{Kind: kind, Name: name, UID: "u-" + name, Controller: m.IntN(4) > 0}}
}

func randomRecord(rng *rand.Rand, w *world) *events.Event {
	if rng.IntN(8) == 0 {
		if e := w.inputs[rng.IntN(len(w.inputs))].Event; e != nil {
			return e // a copy, late or not
		}
	}
	n := w.state.Last() + 1
	m := &maker{Rand: rng, w: w, e: &events.Event{ID: events.ID{13: 1, 14: byte(n >> 8), 15: byte(n)}, Base: n - 1 - events.Offset(rng.IntN(3))}}
	m.e.Actor = []events.Actor{{User: "alice"}, {Reconciler: "r"}, {ServiceAccount: "d/x", User: "system:serviceaccount:d:x"}}[rng.IntN(3)]
	m.e.Reason = []string{"", "because"}[rng.IntN(2)]
	[]func(){m.namespace, m.node, m.node, m.health, m.pod, m.pod, m.pod, m.place, m.place, m.place, m.report, m.report, m.report,
		m.change, m.change, m.service, m.service, m.endpoints, m.workload, m.workload, m.server, m.other}[rng.IntN(22)]()
	return m.e
}

func (m *maker) namespace() {
	ref := events.Ref{Kind: events.Namespaces, Name: "d"}
	switch m.IntN(6) {
	case 0:
		m.about(events.DeletionRequested, ref)
		m.e.Facts.Deleting = 5
	case 1:
		m.about(events.ObjectDeleted, ref)
	default:
		m.create(ref)
	}
}

func (m *maker) node() {
	ref := events.Ref{Kind: events.Nodes, Name: m.name("n", 3)}
	switch m.IntN(8) {
	case 0:
		m.about(events.ObjectDeleted, ref)
	case 1, 2:
		m.about(events.ObjectUpdated, ref)
		if m.e.Facts.Node != nil {
			n := *m.e.Facts.Node
			n.Unschedulable = m.IntN(2) == 0
			n.Taints = [][]events.Taint{nil, {{Key: "k", Value: "v", Effect: "NoSchedule"}}}[m.IntN(2)]
			m.e.Facts.Node = &n
		}
	default:
		m.create(ref)
		m.e.Facts.Node = &events.Node{Allocatable: events.Resources{MilliCPU: 200, Memory: 1 << 20, Pods: 4}, Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}
	}
}

func (m *maker) health() {
	types := []events.Type{events.NodeRegistered, events.NodeRegistered, events.NodeLost, events.NodeReady, events.DataplaneRebuilt}
	m.e.Type, m.e.Subject = types[m.IntN(len(types))], events.Ref{Kind: events.Nodes, Name: m.name("n", 3)}
}

func (m *maker) pod() {
	m.create(m.ref(events.Pods, "p", 6))
	f := &m.e.Facts
	f.Labels = m.labels()
	f.Pod = &events.Pod{Requests: events.Resources{MilliCPU: uint64(m.IntN(3)) * 50}, Ports: []events.PodPort{{Name: "http", Protocol: "TCP", Port: 80 + uint64(m.IntN(2))}}}
	switch m.IntN(8) {
	case 0:
		f.Pod.HostPorts = []events.HostPort{{Protocol: "TCP", Port: 80}}
	case 1:
		f.Pod.HostNetwork = true
	case 2:
		f.Pod.NodeName = m.name("n", 3)
	case 3:
		f.Pod.Tolerations = []events.Toleration{{Operator: "Exists", Forever: true}}
	case 4:
		f.Finalizers = []string{"x/y"}
	}
	f.Owners = m.owner()
}

func (m *maker) place() {
	m.about([]events.Type{events.PodPlaced, events.PodPlaced, events.PodPlaced, events.PodUnschedulable}[m.IntN(4)], m.ref(events.Pods, "p", 6))
	m.e.Facts = events.Facts{Decision: &events.Decision{Nodes: 2, Filtered: []events.Filtered{{Reason: uint64(m.IntN(9)), Nodes: 2}}}}
	node := m.name("n", 3)
	p := &events.Placement{Node: node}
	if o := m.w.state.at(events.Ref{Kind: events.Nodes, Name: node}); o != nil {
		p.Registration = o.node().Registration
	}
	m.e.Facts.Placement = p
}

func (m *maker) report() {
	ref := m.ref(events.Pods, "p", 6)
	types := []events.Type{events.ContainerStarted, events.PodReported, events.ContainerExited, events.SandboxRemoved, events.ProbeFailed}
	m.about(types[m.IntN(len(types))], ref)
	m.e.Facts = events.Facts{}
	r := &events.Report{Epoch: 1, Phase: events.Phase(m.IntN(5) % 4), Ready: m.IntN(2) == 0}
	if m.IntN(3) == 0 {
		r.Incidents = []events.Incident{{Reason: "Pulled", Message: "it did", Container: "c"}}
	}
	m.e.Actor = events.Actor{Node: m.name("n", 3)}
	if o := m.w.state.at(ref); o != nil && m.IntN(8) > 0 {
		m.e.Actor.Node = o.pod().Node
	}
	if o := m.w.state.at(events.Ref{Kind: events.Nodes, Name: m.e.Actor.Node}); o != nil {
		r.Registration = o.node().Registration
	}
	m.e.Facts.Report = r
}

// change updates or ends something that lives.
func (m *maker) change() {
	refs := sorted(m.w.state.objects)
	if len(refs) == 0 {
		m.other()
		return
	}
	ref := refs[m.IntN(len(refs))]
	types := []events.Type{events.ObjectUpdated, events.StatusUpdated, events.DeletionRequested, events.PodEvicted, events.ObjectDeleted}
	m.about(types[m.IntN(len(types))], ref)
	if m.e.Facts.Pod != nil && m.IntN(2) == 0 {
		m.e.Facts.Labels = m.labels()
	}
	if m.e.Type == events.DeletionRequested || m.e.Type == events.PodEvicted {
		m.e.Facts.Deleting = 9
	}
	if m.IntN(3) == 0 {
		m.e.Facts.Finalizers = nil
	}
	if m.IntN(6) == 0 {
		m.e.Require.Written = 77 << 20
	}
}

func (m *maker) service() {
	ref := m.ref(events.Services, "s", 3)
	if m.IntN(3) == 0 {
		m.about(events.ObjectUpdated, ref)
	} else {
		m.create(ref)
	}
	s := &events.Service{Type: []string{"ClusterIP", "NodePort", "ExternalName"}[m.IntN(3)], Selector: m.labels(),
		Ports: []events.ServicePort{{Protocol: "TCP", Port: 80, TargetName: "http"}}, PublishNotReady: m.IntN(4) == 0}
	switch m.IntN(6) {
	case 0:
		s.Selector = nil
	case 1:
		s.Ports = append(s.Ports, events.ServicePort{Name: "b", Protocol: "TCP", Port: 81, Target: 8081, NodePort: 30000 + uint64(m.IntN(5))})
	case 2:
		s.ClusterIP = fmt.Sprintf("10.96.0.%d", m.IntN(3)*100+20)
	case 3:
		s.Headless = true
	}
	m.e.Facts.Service = s
}

func (m *maker) endpoints() {
	ref := m.ref(events.Endpoints, "s", 3)
	if m.IntN(3) == 0 {
		m.about(events.ObjectUpdated, ref)
	} else {
		m.create(ref)
	}
	set := &events.EndpointSet{Service: ref.Name}
	for range m.IntN(3) {
		sub := events.EndpointSubset{Ports: []events.EndpointPort{{Name: m.name("x", 2), Protocol: "TCP", Port: 9}}}
		for range m.IntN(3) {
			sub.Addresses = append(sub.Addresses, events.EndpointAddress{Address: fmt.Sprintf("192.0.2.%d", m.IntN(9)), Ready: m.IntN(2) == 0})
		}
		set.Subsets = append(set.Subsets, sub)
	}
	m.e.Facts.Endpoints = set
}

// workload makes replica sets and deployments, owners in circles among them.
func (m *maker) workload() {
	kind := []string{events.ReplicaSets, events.Deployments}[m.IntN(2)]
	ref := m.ref(kind, "w", 3)
	if m.IntN(3) == 0 {
		m.about(events.ObjectUpdated, ref)
	} else {
		m.create(ref)
	}
	m.e.Facts.Workload = &events.Workload{Replicas: uint64(m.IntN(3)), TemplateLabels: m.labels(), TemplateHash: m.name("h", 2)}
	if kind == events.Deployments {
		m.e.Facts.Deployment = &events.Deployment{}
	}
	m.e.Facts.Owners = m.owner()
}

func (m *maker) server() {
	m.e.Type = []events.Type{events.ServerRegistered, events.ServerRegistered, events.ServerLeft}[m.IntN(3)]
	m.e.Subject = events.Ref{Kind: events.Servers, Name: m.name("s", 2)}
	m.e.Facts.Server = &events.Server{Supports: events.GateFirst}
}

func (m *maker) other() {
	types := []events.Type{events.RequestRefused, events.PastRead, events.SessionOpened, events.SessionClosed, events.FoldActivated, events.CellCreated, "nobody.knows"}
	m.e.Type, m.e.Subject = types[m.IntN(len(types))], m.ref(events.Pods, "p", 6)
	if m.IntN(2) == 0 {
		m.e.Facts.Activation = &events.Activation{Gate: events.Gate(m.IntN(3))}
	}
}
