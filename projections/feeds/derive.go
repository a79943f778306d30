package feeds

import (
	"net/netip"
	"slices"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/view"
)

// VIPKinds are the kinds that the VIPs feed is made of.
func VIPKinds() []string { return []string{events.Nodes, events.Services, events.EndpointSlices} }

// VIPKey gives an object's key in the VIPs feed; empty where it has none.
func VIPKey(o *view.Object) string {
	switch {
	case o == nil:
		return ""
	case o.Ref.Kind == events.Services:
		return o.Ref.Namespace + "/" + o.Ref.Name
	case o.Ref.Kind == events.Nodes && Peer(o) != nil:
		return o.Ref.Name
	case o.Ref.Kind == events.EndpointSlices:
		if service := servedBy(o); service != "" {
			return o.Ref.Namespace + "/" + service + "/" + o.Ref.Name
		}
	}
	return ""
}

// VIP derives an object's entry in the VIPs feed, whole; its Key is VIPKey's and
// not empty. r0 is the incarnation's. Pure.
func VIP(r0 uint64, o *view.Object) *feed.VIPEntry {
	e := &feed.VIPEntry{Offset: o.Revision.Offset(r0), Key: VIPKey(o)}
	switch o.Ref.Kind {
	case events.Services:
		e.Service = Service(o)
	case events.Nodes:
		e.Peer = Peer(o)
	case events.EndpointSlices:
		e.Slice = Slice(o)
		e.Version = version(e.Slice)
	}
	return e
}

// Service is a service's header. A headless service without ports gets one
// port numbered 0, so that DNS still learns its addresses.
func Service(o *view.Object) *feed.Service {
	if o.Facts == nil || o.Facts.Service == nil {
		return &feed.Service{}
	}
	facts := o.Facts.Service
	s := &feed.Service{ExternalName: facts.ExternalName, StickySeconds: facts.StickySeconds}
	var nodePorts []uint64
	if p := o.Projected; p != nil && p.Service != nil {
		s.Address, _ = netip.ParseAddr(p.Service.ClusterIP) // "None" has none
		nodePorts = p.Service.NodePorts
	}
	ports := facts.Ports
	if facts.Headless && len(ports) == 0 {
		ports = []events.ServicePort{{Protocol: "TCP"}}
	}
	for i, p := range ports {
		port := feed.Port{Name: p.Name, Protocol: p.Protocol, Port: uint16(p.Port)}
		if i < len(nodePorts) {
			port.NodePort = uint16(nodePorts[i])
		}
		s.Ports = append(s.Ports, port)
	}
	return s
}

// Peer is a node with its pods' range; nil while it has none.
func Peer(o *view.Object) *feed.Peer {
	if o.Facts == nil || o.Facts.Node == nil || o.Projected == nil || o.Projected.Node == nil {
		return nil
	}
	p := &feed.Peer{Name: o.Ref.Name}
	var err error
	if p.PodRange, err = netip.ParsePrefix(o.Projected.Node.PodRange); err != nil {
		return nil
	}
	for _, a := range o.Facts.Node.Addresses {
		if a.Key != "InternalIP" {
			continue
		}
		if p.Address, err = netip.ParseAddr(a.Value); err == nil {
			return p
		}
	}
	return nil
}

// servedBy names the service that a slice serves; empty: none that is known.
func servedBy(o *view.Object) string {
	switch {
	case o.Projected != nil && o.Projected.Slice != nil:
		return o.Projected.Slice.Service
	case o.Facts != nil && o.Facts.Endpoints != nil:
		return o.Facts.Endpoints.Service
	}
	return ""
}

// Slice is what is ready in an EndpointSlice, the fold's own or a user's. A
// user's own Endpoints are not looked at: the fold mirrors them as slices.
func Slice(o *view.Object) *feed.Slice {
	s := &feed.Slice{}
	switch {
	case o.Projected != nil && o.Projected.Slice != nil:
		state := o.Projected.Slice
		for i, p := range state.Ports {
			if i < len(state.Targets) && state.Targets[i] != 0 {
				s.Ports = append(s.Ports, feed.SlicePort{Name: p.Name, Protocol: p.Protocol, Port: uint16(state.Targets[i])})
			}
		}
		if len(s.Ports) == 0 && len(state.Ports) > 0 {
			return s // pods without any of the service's ports
		}
		for _, b := range state.Backends {
			add(s, b.Ready, b.Address, b.Hostname, b.Node)
		}
	case o.Facts != nil && o.Facts.Endpoints != nil:
		for _, sub := range o.Facts.Endpoints.Subsets[:min(1, len(o.Facts.Endpoints.Subsets))] {
			for _, p := range sub.Ports {
				s.Ports = append(s.Ports, feed.SlicePort{Name: p.Name, Protocol: p.Protocol, Port: uint16(p.Port)})
			}
			for _, a := range sub.Addresses {
				add(s, a.Ready, a.Address, a.Hostname, a.Node)
			}
		}
	}
	slices.SortFunc(s.Endpoints, compareEndpoints)
	s.Endpoints = slices.CompactFunc(s.Endpoints, func(a, b feed.Endpoint) bool { return a.Address == b.Address })
	return s
}

func add(s *feed.Slice, ready bool, address, hostname, node string) {
	if a, err := netip.ParseAddr(address); ready && err == nil {
		s.Endpoints = append(s.Endpoints, feed.Endpoint{Address: a, Hostname: hostname, Node: node})
	}
}
