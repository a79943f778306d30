package feeds

import (
	"cmp"
	"slices"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/view"
)

// ServiceKey is a service's key in the VIPs feed: NAMESPACE/NAME.
func ServiceKey(ref events.Ref) string { return ref.Namespace + "/" + ref.Name }

// ServedBy gives the service that an Endpoints or EndpointSlice object serves;
// false where the object serves none that is known by its facts.
func ServedBy(o *view.Object) (events.Ref, bool) {
	ref := events.Ref{Kind: events.Services, Namespace: o.Ref.Namespace}
	switch {
	case o.Projected != nil && o.Projected.Endpoints != nil:
		ref.Name = o.Projected.Endpoints.Service
	case o.Facts != nil && o.Facts.Endpoints != nil:
		ref.Name = o.Facts.Endpoints.Service
		if ref.Name == "" && o.Ref.Kind == events.Endpoints {
			ref.Name = o.Ref.Name
		}
	}
	return ref, ref.Name != ""
}

// VIP derives a service's entry from it and from what serves it: EndpointSlices
// and Endpoints, the fold's own and users'. An address that several of them
// name counts once. r0 is the incarnation's. Pure.
//
// A headless service without ports gets one port numbered 0, so that DNS still
// learns its addresses.
func VIP(r0 uint64, svc *view.Object, serving []*view.Object) *feed.VIPEntry {
	e := &feed.VIPEntry{Offset: svc.Revision.Offset(r0), Key: ServiceKey(svc.Ref)}
	if svc.Facts == nil || svc.Facts.Service == nil {
		return e
	}
	facts := svc.Facts.Service
	vip := &feed.VIP{Namespace: svc.Ref.Namespace, Name: svc.Ref.Name, StickySeconds: facts.StickySeconds, ExternalName: facts.ExternalName}
	var nodePorts []uint64
	if svc.Projected != nil && svc.Projected.Service != nil {
		if ip := svc.Projected.Service.ClusterIP; ip != "None" {
			vip.Address = ip
		}
		nodePorts = svc.Projected.Service.NodePorts
	}
	ports := facts.Ports
	if facts.Headless && len(ports) == 0 {
		ports = []events.ServicePort{{Protocol: "TCP"}}
	}
	for i, p := range ports {
		port := feed.VIPPort{Name: p.Name, Protocol: p.Protocol, Port: uint16(p.Port)}
		if i < len(nodePorts) {
			port.NodePort = uint16(nodePorts[i])
		}
		for _, o := range serving {
			e.Offset = max(e.Offset, o.Revision.Offset(r0))
			port.Endpoints = append(port.Endpoints, endpoints(p, o)...)
		}
		slices.SortFunc(port.Endpoints, compareEndpoints)
		port.Endpoints = slices.CompactFunc(port.Endpoints, func(a, b feed.Endpoint) bool { return a.Address == b.Address && a.Port == b.Port })
		vip.Ports = append(vip.Ports, port)
	}
	e.VIP = vip
	return e
}

// endpoints gives the ready addresses behind one service port that o names.
func endpoints(p events.ServicePort, o *view.Object) (list []feed.Endpoint) {
	if o.Projected != nil && o.Projected.Endpoints != nil {
		state := o.Projected.Endpoints
		i := slices.IndexFunc(state.Ports, func(q events.ServicePort) bool { return q.Name == p.Name && q.Protocol == p.Protocol })
		for _, b := range state.Backends {
			switch {
			case !b.Ready || b.Address == "":
			case i >= 0 && i < len(b.Targets) && b.Targets[i] != 0:
				list = append(list, feed.Endpoint{Address: b.Address, Port: uint16(b.Targets[i]), Hostname: b.Hostname, Node: b.Node})
			case p.Port == 0 && len(state.Ports) == 0:
				list = append(list, feed.Endpoint{Address: b.Address, Hostname: b.Hostname, Node: b.Node})
			}
		}
		return list
	}
	if o.Facts != nil && o.Facts.Endpoints != nil {
		for _, x := range o.Facts.Endpoints.Endpoints {
			if x.Ready && x.PortName == p.Name && x.Protocol == p.Protocol {
				list = append(list, feed.Endpoint{Address: x.Address, Port: uint16(x.Port)})
			}
		}
	}
	return list
}

// compareEndpoints puts the one that says more first among equal addresses.
func compareEndpoints(a, b feed.Endpoint) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port),
		cmp.Compare(b.Hostname, a.Hostname), cmp.Compare(b.Node, a.Node))
}

// SameVIP tells whether two entries of one key tell a node the same; the offset doesn't count.
func SameVIP(a, b *feed.VIPEntry) bool {
	if a == nil || b == nil || a.VIP == nil || b.VIP == nil {
		return (a == nil || a.VIP == nil) == (b == nil || b.VIP == nil)
	}
	x, y := *a.VIP, *b.VIP
	same := slices.EqualFunc(x.Ports, y.Ports, func(p, q feed.VIPPort) bool {
		return p.Name == q.Name && p.Protocol == q.Protocol && p.Port == q.Port && p.NodePort == q.NodePort && slices.Equal(p.Endpoints, q.Endpoints)
	})
	return same && x.Namespace == y.Namespace && x.Name == y.Name && x.Address == y.Address &&
		x.ExternalName == y.ExternalName && x.StickySeconds == y.StickySeconds
}
