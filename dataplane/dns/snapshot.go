package dns

import (
	"fmt"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
)

// ttl, in seconds, is short, because endpoints change; it is what the
// specification suggests at most for a cell's records.
const ttl = 5

// Snapshot is the cell's names at one moment.
//
// Invariant: it is never changed once made.
type Snapshot struct {
	zone  string             // fully qualified, lower case
	names map[string][]entry // fully qualified name -> records; empty: the name merely exists
	back  map[netip.Addr]string
}

// entry is one record without its header.
type entry struct {
	kind   uint16
	addr   netip.Addr
	target string // CNAME, SRV
	port   uint16
}

// NewSnapshot makes a snapshot of services for a zone, such as cluster.local.
func NewSnapshot(zone string, records []Record) *Snapshot {
	s := &Snapshot{zone: strings.ToLower(mdns.Fqdn(zone)), names: map[string][]entry{}, back: map[netip.Addr]string{}}
	s.exists("svc." + s.zone)
	s.exists("pod." + s.zone)
	s.exists(s.zone)
	s.add("dns-version."+s.zone, entry{kind: mdns.TypeTXT, target: "1.1.0"})
	for _, r := range records {
		s.service(r)
	}
	return s
}

func (s *Snapshot) exists(name string) { s.names[name] = append(s.names[name], []entry{}...) }

func (s *Snapshot) add(name string, e entry) { s.names[name] = append(s.names[name], e) }

func (s *Snapshot) service(r Record) {
	space := r.Namespace + ".svc." + s.zone
	name := strings.ToLower(r.Name + "." + space)
	s.exists(space)
	s.exists(r.Namespace + ".pod." + s.zone)
	s.exists(name)
	switch {
	case r.External != "":
		s.add(name, entry{kind: mdns.TypeCNAME, target: mdns.Fqdn(r.External)})
	case r.VIP.IsValid():
		s.add(name, entry{kind: mdns.TypeA, addr: r.VIP})
		s.back[r.VIP] = name
		s.ports(name, r.Ports, name)
	default:
		s.headless(name, r)
	}
}

func (s *Snapshot) headless(name string, r Record) {
	seen := map[netip.Addr]bool{}
	for _, p := range r.Pods {
		host := p.Hostname
		if host == "" {
			host = strings.ReplaceAll(p.Addr.String(), ".", "-")
		}
		own := strings.ToLower(host) + "." + name
		if !seen[p.Addr] {
			seen[p.Addr] = true
			s.add(name, entry{kind: mdns.TypeA, addr: p.Addr})
			s.add(own, entry{kind: mdns.TypeA, addr: p.Addr})
			if p.Hostname != "" {
				s.back[p.Addr] = own
			}
			s.ports(name, r.Ports, own)
		}
	}
}

// ports adds SRV records at each port's name and at the service's own, which
// is where clients ask that want all of them.
func (s *Snapshot) ports(name string, ports []Port, target string) {
	for _, p := range ports {
		protocol := map[uint8]string{6: "_tcp", 17: "_udp"}[p.Protocol]
		e := entry{kind: mdns.TypeSRV, target: target, port: p.Port}
		if p.Name == "" || protocol == "" {
			continue
		}
		under := protocol + "." + name
		s.exists(under)
		s.add(strings.ToLower("_"+p.Name)+"."+under, e)
		s.add(name, e)
	}
}

// covers says whether a name is the zone's, and so never asked for elsewhere.
func (s *Snapshot) covers(name string) bool { return mdns.IsSubDomain(s.zone, name) }

// lookup returns the records of a name and whether it exists. The address
// names of pods are computed, so each dotted quad exists.
func (s *Snapshot) lookup(name string) ([]entry, bool) {
	if got, ok := s.names[name]; ok {
		return got, true
	}
	host, ok := strings.CutSuffix(name, ".pod."+s.zone)
	if !ok {
		return nil, false
	}
	quad, namespace, ok := strings.Cut(host, ".")
	if _, known := s.names[namespace+".pod."+s.zone]; !ok || !known {
		return nil, false
	}
	addr, err := netip.ParseAddr(strings.ReplaceAll(quad, "-", "."))
	if err != nil || !addr.Is4() {
		return nil, false
	}
	return []entry{{kind: mdns.TypeA, addr: addr}}, true
}

// reverse is the name of an address asked for as d.c.b.a.in-addr.arpa.
func (s *Snapshot) reverse(question string) (string, bool) {
	labels, ok := strings.CutSuffix(question, ".in-addr.arpa.")
	if !ok {
		return "", false
	}
	p := strings.Split(labels, ".")
	if len(p) != 4 {
		return "", false
	}
	addr, err := netip.ParseAddr(fmt.Sprintf("%s.%s.%s.%s", p[3], p[2], p[1], p[0]))
	if err != nil {
		return "", false
	}
	name, ok := s.back[addr]
	return name, ok
}
