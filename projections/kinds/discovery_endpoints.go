package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// ManagedBy marks slices that are rendered from the ledger.
const ManagedBy = "fold.cairn"

var discovery = schema.GroupVersion{Group: "discovery.k8s.io", Version: "v1"}

func endpoints() *Kind {
	return &Kind{Name: events.Endpoints, Version: core.WithKind("Endpoints"), Namespaced: true, Bodiless: true, Said: "endpoints", Short: []string{"ep"},
		New: func() Object { return &corev1.Endpoints{} }, Extract: extractEndpoints, Render: renderEndpoints,
		Life: []Share{{"subsets", Fold}}}
}

func endpointSlices() *Kind {
	return &Kind{Name: events.EndpointSlices, Version: discovery.WithKind("EndpointSlice"), Namespaced: true, Bodiless: true, Said: "endpoint slice",
		New: func() Object { return &discoveryv1.EndpointSlice{} }, Extract: extractSlice, Render: renderSlice,
		Life: []Share{{"endpoints", Fold}, {"ports", Fold}}}
}

func extractEndpoints(in Object, _ Before, f *events.Facts) {
	e := in.(*corev1.Endpoints)
	f.Endpoints = &events.EndpointSet{Service: e.Name}
	add := func(list []corev1.EndpointAddress, ports []corev1.EndpointPort, ready bool) {
		for _, a := range list {
			for _, p := range ports {
				f.Endpoints.Endpoints = append(f.Endpoints.Endpoints, events.Endpoint{PortName: p.Name, Protocol: string(p.Protocol),
					Address: a.IP, Port: uint64(p.Port), Ready: ready})
			}
		}
	}
	for _, s := range e.Subsets {
		add(s.Addresses, s.Ports, true)
		add(s.NotReadyAddresses, s.Ports, false)
	}
	sortEndpoints(f.Endpoints.Endpoints)
}

func extractSlice(in Object, _ Before, f *events.Facts) {
	s := in.(*discoveryv1.EndpointSlice)
	f.Endpoints = &events.EndpointSet{Service: s.Labels[discoveryv1.LabelServiceName]}
	for _, e := range s.Endpoints {
		ready := e.Conditions.Ready == nil || *e.Conditions.Ready
		for _, a := range e.Addresses {
			for _, p := range s.Ports {
				q := events.Endpoint{Address: a, Ready: ready, Protocol: "TCP"}
				if p.Name != nil {
					q.PortName = *p.Name
				}
				if p.Protocol != nil {
					q.Protocol = string(*p.Protocol)
				}
				if p.Port != nil {
					q.Port = uint64(max(*p.Port, 0))
				}
				f.Endpoints.Endpoints = append(f.Endpoints.Endpoints, q)
			}
		}
	}
	sortEndpoints(f.Endpoints.Endpoints)
}

func sortEndpoints(list []events.Endpoint) {
	slices.SortFunc(list, func(a, b events.Endpoint) int {
		for _, c := range []int{strings.Compare(a.PortName, b.PortName), strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Address, b.Address)} {
			if c != 0 {
				return c
			}
		}
		return int(a.Port) - int(b.Port)
	})
}

func meta(v *view.Object, r Reader) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: v.Ref.Namespace, Name: v.Ref.Name, UID: types.UID(v.UID), CreationTimestamp: r.Created(v)}
}

func podRef(namespace string, b *fold.Backend) *corev1.ObjectReference {
	if b.Pod == "" {
		return nil
	}
	return &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: b.Pod, UID: types.UID(b.PodUID)}
}

// renderEndpoints groups backends by the ports they serve, as Kubernetes does.
func renderEndpoints(o Object, v *view.Object, r Reader) (Object, error) {
	if o != nil {
		return o, nil // a user's own
	}
	e := &corev1.Endpoints{ObjectMeta: meta(v, r)}
	if v.Projected == nil || v.Projected.Endpoints == nil {
		return e, nil
	}
	st := v.Projected.Endpoints
	e.Labels = map[string]string{"endpoints.kubernetes.io/managed-by": ManagedBy}
	for i := range st.Backends {
		b := &st.Backends[i]
		sub := subset(e, ports(st, b.Targets))
		a := corev1.EndpointAddress{IP: b.Address, Hostname: b.Hostname, TargetRef: podRef(v.Ref.Namespace, b)}
		if b.Node != "" {
			node := b.Node
			a.NodeName = &node
		}
		if b.Ready {
			sub.Addresses = append(sub.Addresses, a)
		} else {
			sub.NotReadyAddresses = append(sub.NotReadyAddresses, a)
		}
	}
	return e, nil
}

func ports(st *fold.EndpointsState, targets []uint64) []corev1.EndpointPort {
	list := []corev1.EndpointPort{}
	for i, p := range st.Ports {
		if i >= len(targets) || targets[i] == 0 {
			continue
		}
		q := corev1.EndpointPort{Name: p.Name, Port: int32(targets[i]), Protocol: corev1.Protocol(p.Protocol)}
		if p.AppProtocol != "" {
			app := p.AppProtocol
			q.AppProtocol = &app
		}
		list = append(list, q)
	}
	return list
}

func subset(e *corev1.Endpoints, want []corev1.EndpointPort) *corev1.EndpointSubset {
	for i := range e.Subsets {
		if slices.EqualFunc(e.Subsets[i].Ports, want, func(a, b corev1.EndpointPort) bool {
			return a.Name == b.Name && a.Port == b.Port && a.Protocol == b.Protocol
		}) {
			return &e.Subsets[i]
		}
	}
	e.Subsets = append(e.Subsets, corev1.EndpointSubset{Ports: want})
	return &e.Subsets[len(e.Subsets)-1]
}

// shownTargets are the ports of the one slice of a service: those by which most
// backends are ready, then by which most are there; of equals, the first's.
func shownTargets(st *fold.EndpointsState) []uint64 {
	type group struct {
		targets    []uint64
		ready, all int
	}
	var groups []group
	for i := range st.Backends {
		b := &st.Backends[i]
		at := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.targets, b.Targets) })
		if at < 0 {
			at, groups = len(groups), append(groups, group{targets: b.Targets})
		}
		groups[at].all++
		if b.Ready {
			groups[at].ready++
		}
	}
	var best group
	for _, g := range groups {
		if g.ready > best.ready || g.ready == best.ready && g.all > best.all {
			best = g
		}
	}
	return best.targets
}

// renderSlice shows the backends that serve the ports of most: one slice has one
// list of ports, and the fold makes one slice of a service. Endpoints shows all.
func renderSlice(o Object, v *view.Object, r Reader) (Object, error) {
	if o != nil {
		return o, nil // a user's own
	}
	s := &discoveryv1.EndpointSlice{ObjectMeta: meta(v, r), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{}, Ports: []discoveryv1.EndpointPort{}}
	if v.Projected == nil || v.Projected.Endpoints == nil {
		return s, nil
	}
	st := v.Projected.Endpoints
	s.Labels = map[string]string{discoveryv1.LabelServiceName: st.Service, discoveryv1.LabelManagedBy: ManagedBy}
	if st.ServiceUID != "" {
		yes := true
		s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: st.Service, UID: types.UID(st.ServiceUID), Controller: &yes, BlockOwnerDeletion: &yes}}
	}
	targets := shownTargets(st)
	for i := range st.Backends {
		b := &st.Backends[i]
		if !slices.Equal(b.Targets, targets) {
			continue
		}
		ready, serving, ending := b.Ready, b.Serving, b.Terminating
		e := discoveryv1.Endpoint{Addresses: []string{b.Address}, TargetRef: podRef(v.Ref.Namespace, b),
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &ending}}
		if b.Node != "" {
			node := b.Node
			e.NodeName = &node
		}
		if b.Hostname != "" {
			host := b.Hostname
			e.Hostname = &host
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	if len(st.Backends) == 0 {
		return s, nil
	}
	for _, p := range ports(st, targets) {
		name, port, proto := p.Name, p.Port, p.Protocol
		s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: &name, Port: &port, Protocol: &proto, AppProtocol: p.AppProtocol})
	}
	return s, nil
}
