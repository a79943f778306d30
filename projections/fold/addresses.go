package fold

import (
	"net/netip"
	"strconv"

	"cairn/events"
)

// serviceAddresses answers which addresses a service gets: those it claims, if
// they are free, those it had, and new ones for what it left empty.
// Changes nothing but the cursors, and those only when it does not refuse.
//
// Invariant: a cluster IP or node port belongs to one service at a time.
func (s *State) serviceAddresses(ref events.Ref, svc *events.Service, old *object) (*ServiceState, Outcome) {
	cursors := s.globals
	st, refused := s.proposeAddresses(ref, svc, old)
	if !refused.Accepted() {
		s.globals = cursors
	}
	return st, refused
}

func (s *State) proposeAddresses(ref events.Ref, svc *events.Service, old *object) (*ServiceState, Outcome) {
	st := &ServiceState{}
	had := &ServiceState{}
	if old != nil && old.projected != nil && old.projected.Service != nil {
		had = old.projected.Service
	}
	ip, refused := s.clusterIP(ref, svc, had)
	if !refused.Accepted() {
		return nil, refused
	}
	st.ClusterIP = ip
	if svc.Type != "NodePort" && svc.Type != "LoadBalancer" {
		return st, Outcome{}
	}
	taken := map[portKey]bool{}
	for i, p := range svc.Ports {
		port, refused := s.nodePort(ref, i, p, hadPort(old, had, p), taken)
		if !refused.Accepted() {
			return nil, refused
		}
		taken[portKey{p.Protocol, port}] = true
		st.NodePorts = append(st.NodePorts, port)
	}
	return st, Outcome{}
}

func (s *State) clusterIP(ref events.Ref, svc *events.Service, had *ServiceState) (string, Outcome) {
	switch {
	case svc.Type == "ExternalName":
		return "", Outcome{}
	case svc.Headless:
		return "None", Outcome{}
	case svc.ClusterIP == "" && had.ClusterIP != "" && had.ClusterIP != "None":
		return had.ClusterIP, Outcome{}
	case svc.ClusterIP == "":
		return s.nextServiceIP()
	}
	a, err := netip.ParseAddr(svc.ClusterIP)
	if err != nil || !s.services.Contains(a) || a == s.services.Addr() || a == lastAddr(s.services) {
		return "", invalid("spec.clusterIPs[0]", svc.ClusterIP+" is not in the service range "+s.cell.ServiceRange)
	}
	if owner, ok := s.clusterIPs[a.String()]; ok && owner != ref {
		return "", invalid("spec.clusterIPs[0]", svc.ClusterIP+" is taken by "+owner.String())
	}
	return a.String(), Outcome{}
}

// nextServiceIP hands addresses out in turn, the first 16 of the range only on
// claim (the API's own service and DNS live there).
func (s *State) nextServiceIP() (string, Outcome) {
	a, err := netip.ParseAddr(s.lastServiceIP)
	if err != nil || !s.services.Contains(a) {
		a = nth(s.services, 15)
	}
	for range uint64(1) << (32 - s.services.Bits()) {
		a = a.Next()
		if !s.services.Contains(a) || a == lastAddr(s.services) {
			a = nth(s.services, 16)
		}
		if _, ok := s.clusterIPs[a.String()]; !ok && s.services.Contains(a) && a.String() != s.cell.DNSAddress {
			s.lastServiceIP = a.String()
			return a.String(), Outcome{}
		}
	}
	return "", invalid("spec.clusterIPs", "no address is free in the service range "+s.cell.ServiceRange)
}

func hadPort(old *object, had *ServiceState, p events.ServicePort) uint64 {
	if old == nil || old.facts.Service == nil {
		return 0
	}
	for i, q := range old.facts.Service.Ports {
		if q.Port == p.Port && q.Protocol == p.Protocol && i < len(had.NodePorts) {
			return had.NodePorts[i]
		}
	}
	return 0
}

func (s *State) nodePort(ref events.Ref, i int, p events.ServicePort, had uint64, taken map[portKey]bool) (uint64, Outcome) {
	field := "spec.ports[" + strconv.Itoa(i) + "].nodePort"
	free := func(n uint64) bool {
		owner, ok := s.nodePorts[portKey{p.Protocol, n}]
		return (!ok || owner == ref) && !taken[portKey{p.Protocol, n}]
	}
	low, high := s.cell.NodePortLow, s.cell.NodePortHigh
	if p.NodePort != 0 {
		if p.NodePort < low || p.NodePort > high {
			return 0, invalid(field, "provided port is not in the valid range "+strconv.FormatUint(low, 10)+"-"+strconv.FormatUint(high, 10))
		}
		if !free(p.NodePort) {
			return 0, invalid(field, "provided port is already allocated")
		}
		return p.NodePort, Outcome{}
	}
	if had != 0 && free(had) {
		return had, Outcome{}
	}
	n := s.lastNodePort
	for range high - low + 1 {
		if n++; n < low || n > high {
			n = low
		}
		if owner, ok := s.nodePorts[portKey{p.Protocol, n}]; free(n) && (!ok || owner != ref) {
			s.lastNodePort = n
			return n, Outcome{}
		}
	}
	return 0, invalid(field, "no node port is free")
}

// podAddress hands out an address of the node's share, the one freed longest
// ago last. ok is false where none is free.
func (s *State) podAddress(node string) (netip.Addr, bool) {
	h := s.shares[node]
	r, err := netip.ParsePrefix(h.rangeText)
	if err != nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(h.last)
	if err != nil {
		a = nth(r, 1) // the first two stay the node's own
	}
	for range uint64(1) << (32 - r.Bits()) {
		a = a.Next()
		if !r.Contains(a) || a == lastAddr(r) {
			a = nth(r, 2)
		}
		if _, ok := s.claims[a]; !ok && r.Contains(a) {
			h.last = a.String()
			s.saveShare(node, &h)
			return a, true
		}
	}
	return netip.Addr{}, false
}

// release frees an address once nothing of that epoch can answer on it.
func (s *State) release(a netip.Addr) {
	c, ok := s.claims[a]
	if !ok {
		return
	}
	s.saveClaim(a, nil)
	if s.objects[events.Ref{Kind: events.Nodes, Name: c.node}] == nil {
		s.dropShare(c.node)
	}
}

// dropShare gives a removed node's share back once no address of it is claimed.
func (s *State) dropShare(node string) {
	for _, c := range s.claims {
		if c.node == node {
			return
		}
	}
	if _, ok := s.shares[node]; ok {
		s.saveShare(node, nil)
	}
}

// nodeRange gives a node its share of the pod range, in turn.
func (s *State) nodeRange(node string) (string, bool) {
	if h, ok := s.shares[node]; ok {
		return h.rangeText, true
	}
	taken := map[string]bool{}
	for _, h := range s.shares {
		taken[h.rangeText] = true
	}
	bits := int(s.cell.NodeMask)
	if bits < s.pods.Bits() {
		return "", false
	}
	r, err := netip.ParsePrefix(s.lastNodeRange)
	for range uint64(1) << (bits - s.pods.Bits()) {
		if err != nil {
			r, err = netip.PrefixFrom(s.pods.Addr(), bits), nil
		} else if r = netip.PrefixFrom(lastAddr(r).Next(), bits); !r.Addr().IsValid() || !s.pods.Contains(r.Addr()) {
			r = netip.PrefixFrom(s.pods.Addr(), bits)
		}
		if !taken[r.String()] {
			s.lastNodeRange = r.String()
			s.saveShare(node, &share{rangeText: r.String()})
			return r.String(), true
		}
	}
	return "", false
}

func lastAddr(p netip.Prefix) netip.Addr { return nth(p, 1<<(32-p.Bits())-1) }

func nth(p netip.Prefix, n uint32) netip.Addr {
	b := p.Masked().Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += n
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
