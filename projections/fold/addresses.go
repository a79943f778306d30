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
	// Claimed ports come first: an automatic one must not take what a later
	// port of the same service claims.
	st.NodePorts = make([]uint64, len(svc.Ports))
	taken := map[portKey]bool{}
	for _, claimed := range []bool{true, false} {
		for i, p := range svc.Ports {
			if (p.NodePort != 0) != claimed {
				continue
			}
			port, refused := s.nodePort(ref, i, p, hadPort(old, had, p), taken)
			if !refused.Accepted() {
				return nil, refused
			}
			taken[portKey{p.Protocol, port}] = true
			st.NodePorts[i] = port
		}
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
		return "", invalid("spec.clusterIPs[0]", NotInRange, svc.ClusterIP, s.cell.ServiceRange)
	}
	if owner, ok := s.clusterIPs[a.String()]; ok && owner != ref {
		return "", invalid("spec.clusterIPs[0]", AddressTaken, svc.ClusterIP, owner.String())
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
	return "", invalid("spec.clusterIPs", NoAddress, s.cell.ServiceRange)
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
			return 0, invalid(field, PortNotInRange, strconv.FormatUint(low, 10), strconv.FormatUint(high, 10))
		}
		if !free(p.NodePort) {
			return 0, invalid(field, PortTaken, strconv.FormatUint(p.NodePort, 10))
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
	return 0, invalid(field, NoPort)
}
