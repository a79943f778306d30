package fold

import "cairn/events"

type refs map[events.Ref]struct{}

// index holds what is looked up by something else than a name.
//
// Invariant: it is a function of the objects; reindex keeps it so.
type index struct {
	held       map[string]int         // objects with facts, by namespace
	owned      map[string]refs        // by controller's uid
	podsBy     map[labelKey]refs      // pods by label
	servicesBy map[labelKey]refs      // services by the first pair of their selector
	clusterIPs map[string]events.Ref  // services by address
	nodePorts  map[portKey]events.Ref // services by node port
	loads      map[string]*load       // by node
	slices     map[events.Ref]refs    // rendered EndpointSlices, by service
}

type labelKey struct{ namespace, key, value string }

type portKey struct {
	protocol string
	port     uint64
}

// load is what is placed on a node and not yet gone.
type load struct {
	used  events.Resources
	pods  refs
	ports map[events.HostPort]int
}

func newIndex() index {
	return index{
		held: map[string]int{}, owned: map[string]refs{}, podsBy: map[labelKey]refs{}, servicesBy: map[labelKey]refs{},
		clusterIPs: map[string]events.Ref{}, nodePorts: map[portKey]events.Ref{}, loads: map[string]*load{}, slices: map[events.Ref]refs{},
	}
}

func (s *State) reindex(old, now *object) {
	if old != nil && now != nil && old.facts == now.facts && old.projected == now.projected {
		return
	}
	s.enter(old, -1)
	s.enter(now, +1)
}

// enter adds what o contributes to the index, or takes it away.
func (s *State) enter(o *object, sign int) {
	if o == nil {
		return
	}
	if o.facts == nil {
		if o.ref.Kind == events.EndpointSlices {
			svc := events.Ref{Kind: events.Services, Namespace: o.ref.Namespace, Name: o.projected.Endpoints.Service}
			enterRef(s.slices, svc, o.ref, sign)
		}
		return
	}
	if o.ref.Namespace != "" {
		s.held[o.ref.Namespace] += sign
		if s.held[o.ref.Namespace] == 0 {
			delete(s.held, o.ref.Namespace)
		}
	}
	if c := controller(o.facts); c != nil {
		enterRef(s.owned, c.UID, o.ref, sign)
	}
	if o.facts.Pod != nil {
		for _, l := range o.facts.Labels {
			enterRef(s.podsBy, labelKey{o.ref.Namespace, l.Key, l.Value}, o.ref, sign)
		}
		s.enterLoad(o, sign)
	}
	if svc := o.facts.Service; svc != nil {
		if len(svc.Selector) > 0 {
			enterRef(s.servicesBy, labelKey{o.ref.Namespace, svc.Selector[0].Key, svc.Selector[0].Value}, o.ref, sign)
		}
		s.enterAddresses(o, sign)
	}
}

func enterRef[K comparable](m map[K]refs, k K, r events.Ref, sign int) {
	if sign > 0 {
		if m[k] == nil {
			m[k] = refs{}
		}
		m[k][r] = struct{}{}
		return
	}
	delete(m[k], r)
	if len(m[k]) == 0 {
		delete(m, k)
	}
}

// counted tells whether a pod takes room on its node.
func counted(o *object) bool {
	p := o.pod()
	return p.Placed != 0 && !p.Stopped && p.Phase != events.Succeeded && p.Phase != events.Failed
}

func (s *State) enterLoad(o *object, sign int) {
	if !counted(o) {
		return
	}
	node := o.pod().Node
	l := s.loads[node]
	if l == nil {
		l = &load{pods: refs{}, ports: map[events.HostPort]int{}}
		s.loads[node] = l
	}
	r := o.facts.Pod.Requests
	if sign > 0 {
		l.pods[o.ref] = struct{}{}
		l.used.MilliCPU += r.MilliCPU
		l.used.Memory += r.Memory
		l.used.Storage += r.Storage
	} else {
		delete(l.pods, o.ref)
		l.used.MilliCPU -= r.MilliCPU
		l.used.Memory -= r.Memory
		l.used.Storage -= r.Storage
	}
	for _, p := range o.facts.Pod.HostPorts {
		l.ports[p] += sign
		if l.ports[p] == 0 {
			delete(l.ports, p)
		}
	}
	if len(l.pods) == 0 {
		delete(s.loads, node)
	}
}

func (s *State) enterAddresses(o *object, sign int) {
	if o.projected == nil || o.projected.Service == nil {
		return
	}
	st := o.projected.Service
	if st.ClusterIP != "" && st.ClusterIP != "None" {
		if sign > 0 {
			s.clusterIPs[st.ClusterIP] = o.ref
		} else {
			delete(s.clusterIPs, st.ClusterIP)
		}
	}
	for i, port := range st.NodePorts {
		if port == 0 || i >= len(o.facts.Service.Ports) {
			continue
		}
		k := portKey{o.facts.Service.Ports[i].Protocol, port}
		if sign > 0 {
			s.nodePorts[k] = o.ref
		} else {
			delete(s.nodePorts, k)
		}
	}
}

// controller is the owner that controls the object, or nil.
func controller(f *events.Facts) *events.Owner {
	for i := range f.Owners {
		if f.Owners[i].Controller {
			return &f.Owners[i]
		}
	}
	return nil
}
