package kinds

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// endpointsMost is how many addresses an Endpoints shows at most, as upstream's
// controller has it; slices have them all.
const endpointsMost = 1000

func endpoints() *Kind {
	return &Kind{Name: events.Endpoints, Version: core.WithKind("Endpoints"), Namespaced: true, Bodiless: true, Said: "endpoints", Short: []string{"ep"},
		New: func() Object { return &corev1.Endpoints{} }, Extract: extractEndpoints, Render: renderEndpoints,
		Life: []Share{{"subsets", Fold}}}
}

func extractEndpoints(in Object, _ Before, f *events.Facts) {
	e := in.(*corev1.Endpoints)
	f.Endpoints = &events.EndpointSet{Service: e.Name}
	for _, s := range e.Subsets {
		var sub events.EndpointSubset
		for _, p := range s.Ports {
			q := events.EndpointPort{Name: p.Name, Protocol: string(p.Protocol), Port: uint64(max(p.Port, 0))}
			if p.AppProtocol != nil {
				q.AppProtocol = *p.AppProtocol
			}
			sub.Ports = append(sub.Ports, q)
		}
		sub.Addresses = append(addresses(s.Addresses, true), addresses(s.NotReadyAddresses, false)...)
		normalise(&sub)
		f.Endpoints.Subsets = append(f.Endpoints.Subsets, sub)
	}
}

func addresses(list []corev1.EndpointAddress, ready bool) []events.EndpointAddress {
	var out []events.EndpointAddress
	for _, a := range list {
		e := events.EndpointAddress{Address: a.IP, Hostname: a.Hostname, Ready: ready}
		if a.NodeName != nil {
			e.Node = *a.NodeName
		}
		out = append(out, e)
	}
	return out
}

func podRef(namespace string, b *fold.Backend) *corev1.ObjectReference {
	if b.Pod == "" {
		return nil
	}
	return &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: b.Pod, UID: types.UID(b.PodUID)}
}

// renderEndpoints shows what serves a service. The naive way is to keep the
// list: then each flip of one pod writes all of it. What is kept is a mark that
// changes with the service's slices, and the list is made when somebody reads,
// from the slices as they were at the mark's revision.
func renderEndpoints(o Object, v *view.Object, r Reader) (Object, error) {
	if o != nil || v.Projected == nil || v.Projected.Endpoints == nil {
		return o, nil // a user's own
	}
	st := v.Projected.Endpoints
	svc := events.Ref{Kind: events.Services, Namespace: v.Ref.Namespace, Name: st.Service}
	list, err := r.Prefixed(events.EndpointSlices, svc.Namespace, fold.SlicePrefix(svc), v.Revision)
	if err != nil {
		return nil, err
	}
	e := &corev1.Endpoints{ObjectMeta: meta(v, r)}
	e.Labels = map[string]string{"endpoints.kubernetes.io/managed-by": ManagedBy}
	for _, o := range list {
		if s := sliceOf(o); s != nil && s.Service == st.Service && len(s.Backends) > 0 {
			gather(e, s)
		}
	}
	for i := range e.Subsets {
		inOrder(e.Subsets[i].Addresses)
		inOrder(e.Subsets[i].NotReadyAddresses)
	}
	if truncate(e.Subsets, endpointsMost) {
		e.Annotations = map[string]string{corev1.EndpointsOverCapacity: "truncated"}
	}
	e.Subsets = slices.DeleteFunc(e.Subsets, func(s corev1.EndpointSubset) bool { return len(s.Addresses)+len(s.NotReadyAddresses) == 0 })
	return e, nil
}

// gather adds a slice's backends to the subset of its ports.
func gather(e *corev1.Endpoints, s *fold.SliceState) {
	sub := subset(e, portsOf(s))
	for _, b := range s.Backends {
		a := corev1.EndpointAddress{IP: b.Address, Hostname: b.Hostname, TargetRef: podRef(e.Namespace, &b)}
		if b.Node != "" {
			a.NodeName = &b.Node
		}
		if b.Ready {
			sub.Addresses = append(sub.Addresses, a)
		} else {
			sub.NotReadyAddresses = append(sub.NotReadyAddresses, a)
		}
	}
}

// portsOf are the ports that all backends of a slice serve.
func portsOf(s *fold.SliceState) []corev1.EndpointPort {
	list := []corev1.EndpointPort{}
	for i, p := range s.Ports {
		if i >= len(s.Targets) || s.Targets[i] == 0 {
			continue
		}
		q := corev1.EndpointPort{Name: p.Name, Port: int32(s.Targets[i]), Protocol: corev1.Protocol(p.Protocol)}
		if p.AppProtocol != "" {
			q.AppProtocol = &p.AppProtocol
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

func inOrder(list []corev1.EndpointAddress) {
	slices.SortFunc(list, func(a, b corev1.EndpointAddress) int {
		return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(nameOf(a.TargetRef), nameOf(b.TargetRef)))
	})
}

func nameOf(r *corev1.ObjectReference) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// truncate leaves so many addresses at most: ready ones first, of each subset
// its share. It reports whether some were left out.
func truncate(list []corev1.EndpointSubset, most int) bool {
	ready, all := 0, 0
	for _, s := range list {
		ready += len(s.Addresses)
		all += len(s.Addresses) + len(s.NotReadyAddresses)
	}
	if all <= most {
		return false
	}
	room, of := most-ready, all-ready // for what is not ready
	if ready > most {
		room, of = most, ready
	}
	left := room
	for i := range list {
		which := &list[i].NotReadyAddresses
		if ready > most {
			list[i].NotReadyAddresses = nil
			which = &list[i].Addresses
		}
		n := min((len(*which)*room+of-1)/of, left) // its share, rounded up
		*which = (*which)[:n]
		left -= n
	}
	return true
}
