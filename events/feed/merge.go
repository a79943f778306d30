package feed

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// VIP is a service with what serves it, merged of its entries.
type VIP struct {
	Namespace, Name string
	Address         netip.Addr // cluster IP; zero: none
	ExternalName    string
	StickySeconds   uint64
	Ports           []VIPPort
}

// VIPPort is one port of a service and the ready endpoints behind it, by address.
type VIPPort struct {
	Port
	Endpoints []Backend
}

// Backend is where one port of a service is answered.
type Backend struct {
	Address  netip.AddrPort
	Hostname string // DNS label of its own, for headless services; may be empty
	Node     string
}

// Services lists the services by namespace and name. The list and what it
// points at are shared: never change them. A service that nothing touched since
// the last call is the same pointer.
func (t *Table) Services() []*VIP {
	if len(t.changed) == 0 {
		return t.list
	}
	if len(t.changed) > len(t.list)/8 {
		t.list = t.rebuilt()
	} else {
		t.list = t.patched()
	}
	clear(t.changed)
	return t.list
}

// rebuilt makes the whole list anew, of services merged before where they are as they were.
func (t *Table) rebuilt() []*VIP {
	list := make([]*VIP, 0, len(t.services))
	for name, s := range t.services {
		if s.header == nil {
			continue
		}
		if s.merged == nil || t.changed[name] {
			s.merged = merge(name, s)
		}
		list = append(list, s.merged)
	}
	slices.SortFunc(list, compareVIPs)
	return list
}

// patched copies the list and changes what changed: the last one is its reader's.
func (t *Table) patched() []*VIP {
	list := slices.Clone(t.list)
	for name := range t.changed {
		ns, rest, _ := strings.Cut(name, "/")
		i, there := slices.BinarySearchFunc(list, &VIP{Namespace: ns, Name: rest}, compareVIPs)
		s := t.services[name]
		switch {
		case s == nil || s.header == nil:
			if there {
				list = slices.Delete(list, i, i+1)
			}
		default:
			s.merged = merge(name, s)
			if !there {
				list = slices.Insert(list, i, s.merged)
			}
			list[i] = s.merged
		}
	}
	return list
}

func compareVIPs(a, b *VIP) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// merge puts a service and its slices together. An address that several
// slices name counts once.
func merge(key string, s *service) *VIP {
	ns, name, _ := strings.Cut(key, "/")
	v := &VIP{Namespace: ns, Name: name, Address: s.header.Address, ExternalName: s.header.ExternalName, StickySeconds: s.header.StickySeconds}
	for _, p := range s.header.Ports {
		port := VIPPort{Port: p}
		for _, x := range s.slices {
			number, ok := x.is.number(p)
			if !ok {
				continue
			}
			for _, e := range x.is.Endpoints {
				port.Endpoints = append(port.Endpoints, Backend{netip.AddrPortFrom(e.Address, number), e.Hostname, e.Node})
			}
		}
		slices.SortFunc(port.Endpoints, compareBackends)
		port.Endpoints = slices.CompactFunc(port.Endpoints, func(a, b Backend) bool { return a.Address == b.Address })
		v.Ports = append(v.Ports, port)
	}
	return v
}

// compareBackends puts the one that says more first among equal addresses.
func compareBackends(a, b Backend) int {
	return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(b.Hostname, a.Hostname), cmp.Compare(b.Node, a.Node))
}

// number is what a service's port is at the slice's endpoints. A headless
// service without ports has one numbered 0, and slices without ports.
func (s *Slice) number(p Port) (uint16, bool) {
	for _, q := range s.Ports {
		if q.Name == p.Name && q.Protocol == p.Protocol {
			return q.Port, true
		}
	}
	return 0, p.Port == 0 && len(s.Ports) == 0
}

// With is the slice after a change; it shares nothing that either may alter.
func (s *Slice) With(c *Change) *Slice {
	next := &Slice{Ports: s.Ports, Endpoints: make([]Endpoint, 0, len(s.Endpoints)+len(c.Set))}
	set, gone := c.Set, c.Gone
	for _, e := range s.Endpoints {
		for len(set) > 0 && set[0].Address.Less(e.Address) {
			next.Endpoints, set = append(next.Endpoints, set[0]), set[1:]
		}
		for len(gone) > 0 && gone[0].Less(e.Address) {
			gone = gone[1:]
		}
		switch {
		case len(set) > 0 && set[0].Address == e.Address:
			next.Endpoints, set = append(next.Endpoints, set[0]), set[1:]
		case len(gone) > 0 && gone[0] == e.Address:
		default:
			next.Endpoints = append(next.Endpoints, e)
		}
	}
	next.Endpoints = append(next.Endpoints, set...)
	return next
}

// Differ gives what makes next of s: false where the ports differ, too, or the
// difference says no less than next itself.
func (s *Slice) Differ(next *Slice) (*Change, bool) {
	if !slices.Equal(s.Ports, next.Ports) {
		return nil, false
	}
	c := &Change{}
	old := s.Endpoints
	for _, e := range next.Endpoints {
		for len(old) > 0 && old[0].Address.Less(e.Address) {
			c.Gone, old = append(c.Gone, old[0].Address), old[1:]
		}
		if len(old) > 0 && old[0].Address == e.Address {
			if old[0] != e {
				c.Set = append(c.Set, e)
			}
			old = old[1:]
			continue
		}
		c.Set = append(c.Set, e)
	}
	for _, e := range old {
		c.Gone = append(c.Gone, e.Address)
	}
	return c, len(c.Set)*2+len(c.Gone) <= len(next.Endpoints)
}
