package kinds

import (
	"cmp"
	"slices"
	"strings"

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

func endpointSlices() *Kind {
	return &Kind{Name: events.EndpointSlices, Version: discovery.WithKind("EndpointSlice"), Namespaced: true, Bodiless: true, Said: "endpoint slice",
		New: func() Object { return &discoveryv1.EndpointSlice{} }, Extract: extractSlice, Render: renderSlice,
		Life: []Share{{"endpoints", Fold}, {"ports", Fold}}}
}

func extractSlice(in Object, _ Before, f *events.Facts) {
	s := in.(*discoveryv1.EndpointSlice)
	var sub events.EndpointSubset
	for _, p := range s.Ports {
		q := events.EndpointPort{Protocol: "TCP"}
		if p.Name != nil {
			q.Name = *p.Name
		}
		if p.Protocol != nil {
			q.Protocol = string(*p.Protocol)
		}
		if p.AppProtocol != nil {
			q.AppProtocol = *p.AppProtocol
		}
		if p.Port != nil {
			q.Port = uint64(max(*p.Port, 0))
		}
		sub.Ports = append(sub.Ports, q)
	}
	for _, e := range s.Endpoints {
		a := events.EndpointAddress{Ready: e.Conditions.Ready == nil || *e.Conditions.Ready}
		if e.NodeName != nil {
			a.Node = *e.NodeName
		}
		if e.Hostname != nil {
			a.Hostname = *e.Hostname
		}
		for _, address := range e.Addresses {
			a.Address = address
			sub.Addresses = append(sub.Addresses, a)
		}
	}
	normalise(&sub)
	f.Endpoints = &events.EndpointSet{Service: s.Labels[discoveryv1.LabelServiceName], Subsets: []events.EndpointSubset{sub}}
}

// normalise orders a subset, whose lists are sets.
func normalise(s *events.EndpointSubset) {
	slices.SortFunc(s.Ports, func(a, b events.EndpointPort) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.AppProtocol, b.AppProtocol))
	})
	slices.SortStableFunc(s.Addresses, func(a, b events.EndpointAddress) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Hostname, b.Hostname))
	})
}

func meta(v *view.Object, r Reader) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: v.Ref.Namespace, Name: v.Ref.Name, UID: types.UID(v.UID), CreationTimestamp: r.Created(v)}
}

// sliceOf is what the fold says of a slice; nil: it is a user's own.
func sliceOf(v *view.Object) *fold.SliceState {
	if v.Projected == nil {
		return nil
	}
	return v.Projected.Slice
}

// sorted gives a slice's backends in an order to show; they have none.
func sorted(list []fold.Backend) []fold.Backend {
	return slices.SortedFunc(slices.Values(list), func(a, b fold.Backend) int {
		return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Pod, b.Pod))
	})
}

func renderSlice(o Object, v *view.Object, r Reader) (Object, error) {
	st := sliceOf(v)
	if o != nil || st == nil {
		return o, nil // a user's own
	}
	s := &discoveryv1.EndpointSlice{ObjectMeta: meta(v, r), AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{}, Ports: []discoveryv1.EndpointPort{}}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: st.Service, discoveryv1.LabelManagedBy: ManagedBy}
	if st.ServiceUID != "" {
		yes := true
		s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: st.Service, UID: types.UID(st.ServiceUID), Controller: &yes, BlockOwnerDeletion: &yes}}
	}
	for _, b := range sorted(st.Backends) {
		s.Endpoints = append(s.Endpoints, endpoint(v.Ref.Namespace, &b))
	}
	if len(st.Backends) == 0 {
		return s, nil
	}
	for _, p := range portsOf(st) {
		s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &p.Port, Protocol: &p.Protocol, AppProtocol: p.AppProtocol})
	}
	return s, nil
}

func endpoint(namespace string, b *fold.Backend) discoveryv1.Endpoint {
	ready, serving, ending := b.Ready, b.Serving, b.Terminating
	e := discoveryv1.Endpoint{Addresses: []string{b.Address}, TargetRef: podRef(namespace, b),
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &ending}}
	if b.Node != "" {
		e.NodeName = &b.Node
	}
	if b.Hostname != "" {
		e.Hostname = &b.Hostname
	}
	return e
}
