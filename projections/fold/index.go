package fold

import (
	"net/netip"
	"slices"

	"cairn/events"
	"cairn/projections/fit"
)

type refs map[events.Ref]struct{}

// index holds what is looked up by something else than a name.
//
// Invariant: it is a function of the objects and claims; reindex keeps it so,
// and for slices what changes them.
type index struct {
	held       map[string]int             // objects with facts, by namespace
	owned      map[string]refs            // by controller's uid
	counts     map[ownerKey]WorkloadState // of live pods, by controller
	podsBy     map[labelKey]refs          // pods by label
	servicesBy map[labelKey]refs          // services by the first pair of their selector
	clusterIPs map[string]events.Ref      // services by address
	nodePorts  map[portKey]events.Ref     // services by node port
	loads      map[string]*load           // by node
	slices     map[events.Ref]*sliceIndex // by service
	servers    refs                       // registered and not left
	claimed    map[string][]netip.Addr    // addresses, by pod's uid
	onNode     map[string]int             // claims, by node
}

type labelKey struct{ namespace, key, value string }

type portKey struct {
	protocol string
	port     uint64
}

// load is what is placed on a node and holds room there.
type load struct {
	fit.Node
	pods refs
}

func newIndex() index {
	return index{
		held: map[string]int{}, owned: map[string]refs{}, counts: map[ownerKey]WorkloadState{}, podsBy: map[labelKey]refs{}, servicesBy: map[labelKey]refs{},
		clusterIPs: map[string]events.Ref{}, nodePorts: map[portKey]events.Ref{}, loads: map[string]*load{}, slices: map[events.Ref]*sliceIndex{},
		servers: refs{}, claimed: map[string][]netip.Addr{}, onNode: map[string]int{},
	}
}

func (s *State) reindex(old, now *object) {
	if old != nil && now != nil && old.facts == now.facts && old.projected == now.projected {
		return
	}
	s.enter(old, -1)
	s.enter(now, +1)
	a, b := templateLabels(old), templateLabels(now)
	switch {
	case old != nil && old.facts != nil && old.facts.Workload != nil && (now == nil || now.uid != old.uid):
		s.recount(ownerKey{old.ref, old.uid}, nil)
	case now != nil && now.facts != nil && now.facts.Workload != nil && (old == nil || !slices.Equal(a, b)):
		s.recount(ownerKey{now.ref, now.uid}, now)
	}
}

func templateLabels(o *object) []events.Pair {
	if o == nil || o.facts == nil || o.facts.Workload == nil {
		return nil
	}
	return o.facts.Workload.TemplateLabels
}

// enter adds what o contributes to the index, or takes it away.
func (s *State) enter(o *object, sign int) {
	if o == nil {
		return
	}
	if o.facts == nil {
		if o.projected != nil && o.projected.Server != nil {
			enterOne(s.servers, o.ref, sign)
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
		s.count(o, sign)
	}
	if svc := o.facts.Service; svc != nil {
		if len(svc.Selector) > 0 {
			enterRef(s.servicesBy, labelKey{o.ref.Namespace, svc.Selector[0].Key, svc.Selector[0].Value}, o.ref, sign)
		}
		s.enterAddresses(o, sign)
	}
}

func enterOne(m refs, r events.Ref, sign int) {
	if sign > 0 {
		m[r] = struct{}{}
	} else {
		delete(m, r)
	}
}

func enterRef[K comparable](m map[K]refs, k K, r events.Ref, sign int) {
	if sign > 0 && m[k] == nil {
		m[k] = refs{}
	}
	enterOne(m[k], r, sign)
	if len(m[k]) == 0 {
		delete(m, k)
	}
}

func (s *State) enterLoad(o *object, sign int) {
	if !o.pod().Holds() {
		return
	}
	node := o.pod().Node
	l := s.loads[node]
	if l == nil {
		l = &load{pods: refs{}}
		s.loads[node] = l
	}
	enterOne(l.pods, o.ref, sign)
	l.Hold(o.facts.Pod, sign)
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
