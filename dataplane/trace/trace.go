package trace

import (
	"net/netip"

	"cairn/dataplane/ruleset"
)

// Packet is the first packet of a connection.
type Packet struct {
	// Local: this machine made it; else it came in over link In.
	Local    bool
	In       string
	Source   netip.AddrPort
	To       netip.AddrPort
	Protocol uint8
	// Random is what the kernel would draw, taken modulo the endpoints' count.
	Random uint32
	// RoutesLost: only the default route is left on this machine.
	RoutesLost bool
}

// Fate is what becomes of a packet.
type Fate uint8

// The fates. A packet that is Sent has a link; one that is Delivered is for
// this machine; one that is Unrouted meets an unreachable route.
const (
	Sent Fate = iota
	Delivered
	Rejected
	Dropped
	Unrouted
)

func (f Fate) String() string {
	return [...]string{"sent", "delivered", "rejected", "dropped", "unrouted"}[f]
}

// Result is a packet's fate with its addresses as they are in the end.
type Result struct {
	Fate       Fate
	Redirected bool
	To         netip.AddrPort
	// Source is the new source; zero if it is kept. Masqueraded: the source is
	// an address of the link it leaves by.
	Source      netip.Addr
	Masqueraded bool
	Link        string   // for Sent
	Path        []string // "chain: reason" of each rule that acted
}

// Links that Result names beside the cell's own.
const (
	SharedLink  = "shared"  // towards other nodes
	DefaultLink = "default" // towards the world
)

// Tracer holds a ruleset ready for look-ups, and what sticky would hold.
type Tracer struct {
	rules  ruleset.Ruleset
	chains map[string][]ruleset.Rule
	vips   map[ruleset.Key]ruleset.Mark
	to     map[ruleset.Key]netip.AddrPort // Endpoints and NodePorts
	in     map[member]bool
	sticky map[client]netip.AddrPort
}

type member struct {
	set ruleset.Set
	key ruleset.Key
}

type client struct {
	from  netip.Addr
	front ruleset.Key
}

// New makes a tracer with nobody remembered.
func New(r ruleset.Ruleset) *Tracer {
	t := &Tracer{sticky: map[client]netip.AddrPort{}}
	t.Replace(r)
	return t
}

// Replace changes the ruleset and keeps what sticky holds, as Apply does.
func (t *Tracer) Replace(r ruleset.Ruleset) {
	t.rules = r
	t.chains = map[string][]ruleset.Rule{}
	t.vips = map[ruleset.Key]ruleset.Mark{}
	t.to = map[ruleset.Key]netip.AddrPort{}
	t.in = map[member]bool{}
	for _, c := range r.Chains {
		t.chains[c.Name] = c.Rules
	}
	for _, b := range r.Balancers {
		t.chains[b.Mark.Chain(b.NodePort)] = b.Rules()
	}
	for _, e := range r.Elements {
		switch e.Set {
		case ruleset.Vips:
			t.vips[e.Key] = e.Mark
		case ruleset.Endpoints, ruleset.NodePorts:
			t.to[e.Key] = e.To
		default:
			t.in[member{e.Set, e.Key}] = true
		}
	}
}

// Trace sends one packet through.
func (t *Tracer) Trace(p Packet) Result {
	w := walk{Tracer: t, packet: p, result: Result{To: p.To}}
	hook := ruleset.Prerouting
	if p.Local {
		hook = ruleset.Output
		// The kernel looks the route up before the output hook, too.
		if w.route(); w.result.Fate == Unrouted {
			return w.result
		}
	}
	if !w.enter(hook) {
		return w.result
	}
	w.route()
	if w.result.Fate == Sent || (w.result.Fate == Delivered && p.Local) {
		w.enter(ruleset.Postrouting)
	}
	return w.result
}
