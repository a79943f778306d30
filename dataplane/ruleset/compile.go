package ruleset

import (
	"cmp"
	"net/netip"
	"slices"
)

// Balancer is a chain made on demand: one per distinct mark, and one more if
// a service with that mark has a node port.
type Balancer struct {
	Mark     Mark
	NodePort bool
}

// Ruleset is everything the kernel is given.
//
// Invariant: Elements are sorted by set and key, and no key stands twice.
// Invariant: every mark in Vips has its Balancers, unless it has no endpoints.
type Ruleset struct {
	Config    Config
	Chains    []Chain    // constant for a Config
	Balancers []Balancer // sorted
	Elements  []Element
}

// Compile turns services into a ruleset. Where two services claim one address
// and port, or one node port, the first by namespace and name has it. The
// config is taken as valid (Config.Validate).
func Compile(cfg Config, services []Service) Ruleset {
	b := builder{seen: map[Balancer]bool{}}
	sorted := slices.Clone(services)
	slices.SortStableFunc(sorted, func(x, y Service) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	taken := make(map[Key]bool, len(services))
	for _, s := range sorted {
		if !s.VIP.Is4() {
			continue
		}
		for _, p := range s.Ports {
			front := Key{Addr: s.VIP, Protocol: p.Protocol, Port: p.Port}
			if taken[front] || (p.Protocol != TCP && p.Protocol != UDP) {
				continue
			}
			taken[front] = true
			b.port(s, p, front, taken)
		}
	}
	slices.SortFunc(b.elements, order)
	balancers := make([]Balancer, 0, len(b.seen))
	for k := range b.seen {
		balancers = append(balancers, k)
	}
	slices.SortFunc(balancers, func(x, y Balancer) int {
		return cmp.Or(cmp.Compare(x.Mark, y.Mark), compareBool(x.NodePort, y.NodePort))
	})
	return Ruleset{Balancers: balancers, Elements: b.elements}.WithNode(cfg)
}

// WithNode is the ruleset of the same services for another Config: what
// Compile would return, without looking at the services again. It is for pods
// and peers that come and go.
func (r Ruleset) WithNode(cfg Config) Ruleset {
	b := builder{}
	b.node(cfg)
	slices.SortFunc(b.elements, order)
	b.elements = slices.CompactFunc(b.elements, func(x, y Element) bool { return order(x, y) == 0 })
	first := slices.IndexFunc(r.Elements, func(e Element) bool { return e.Set >= Vips })
	if first >= 0 {
		b.elements = append(b.elements, r.Elements[first:]...)
	}
	r.Config, r.Chains, r.Elements = cfg, chains(cfg), b.elements
	return r
}

type builder struct {
	elements []Element
	seen     map[Balancer]bool
}

func (b *builder) add(e Element) { b.elements = append(b.elements, e) }

func (b *builder) node(cfg Config) {
	for _, a := range cfg.LocalAddrs {
		b.add(Element{Set: Local, Key: Key{Addr: a}})
	}
	for _, a := range cfg.NodeAddrs {
		if a.Is4() {
			b.add(Element{Set: Nodes, Key: Key{Addr: a}})
		}
	}
	for _, a := range cfg.LocalPods {
		b.add(Element{Set: Hairpin, Key: Key{Addr: a}})
	}
	for _, p := range cfg.Peers {
		b.add(Element{Set: Peers, Key: Key{Addr: p.Masked().Addr()}})
	}
}

func (b *builder) port(s Service, p Port, front Key, taken map[Key]bool) {
	ends := distinct(p.Endpoints)
	mark := NewMark(len(ends), s.Sticky)
	b.add(Element{Set: Vips, Key: front, Mark: mark})
	for slot, to := range ends {
		key := front
		key.Slot = uint32(slot)
		b.add(Element{Set: Endpoints, Key: key, To: to})
		if mark.Sticky() > 0 {
			live := front
			live.To = to
			b.add(Element{Set: Live, Key: live})
		}
	}
	if mark.Endpoints() > 0 {
		b.seen[Balancer{Mark: mark}] = true
	}
	node := Key{Protocol: p.Protocol, Port: p.NodePort}
	if p.NodePort == 0 || taken[node] {
		return
	}
	taken[node] = true
	b.add(Element{Set: NodePorts, Key: node, To: netip.AddrPortFrom(s.VIP, p.Port)})
	if mark.Endpoints() > 0 {
		b.seen[Balancer{Mark: mark, NodePort: true}] = true
	}
}

// distinct keeps the first of equal endpoints, in order, and IPv4 only.
func distinct(ends []netip.AddrPort) []netip.AddrPort {
	out := make([]netip.AddrPort, 0, len(ends))
	var seen map[netip.AddrPort]bool
	if len(ends) > 16 {
		seen = make(map[netip.AddrPort]bool, len(ends))
	}
	for _, e := range ends {
		if !e.Addr().Is4() || len(out) == MaxEndpoints {
			continue
		}
		if seen != nil {
			if seen[e] {
				continue
			}
			seen[e] = true
		} else if slices.Contains(out, e) {
			continue
		}
		out = append(out, e)
	}
	return out
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}
