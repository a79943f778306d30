package trace

import (
	"net/netip"
	"strings"

	"cairn/dataplane/ruleset"
)

// walk is one packet's way.
type walk struct {
	*Tracer
	packet Packet
	result Result
}

// verdict is what a chain says to the one that called it.
type verdict uint8

const (
	onward verdict = iota // nothing was decided, go on with the next rule
	back                  // leave this chain, go on in the caller
	accepted
	ended // rejected or dropped
)

// enter runs the chains of a hook in order of priority; false if the packet
// ends there.
func (w *walk) enter(hook ruleset.Hook) bool {
	for _, c := range w.rules.Chains { // they are listed in order of priority
		if c.Hook == hook && w.run(c.Name) == ended {
			return false
		}
	}
	return true
}

func (w *walk) run(chain string) verdict {
	for _, r := range w.chains[chain] {
		if !w.all(r.If) {
			continue
		}
		before := len(w.result.Path)
		w.result.Path = append(w.result.Path, chain+": "+r.Why)
		v, acted := w.act(r.Do)
		if !acted {
			w.result.Path = w.result.Path[:before]
			continue
		}
		switch v {
		case onward:
		case back:
			return onward
		default:
			return v
		}
	}
	return onward
}

func (w *walk) all(ms []ruleset.Match) bool {
	for _, m := range ms {
		if w.holds(m) == m.Not {
			return false
		}
	}
	return true
}

func (w *walk) holds(m ruleset.Match) bool {
	from, to := w.packet.Source.Addr(), w.result.To.Addr()
	switch m.Kind {
	case ruleset.InPrefix:
		if m.Field == ruleset.Source {
			return m.Prefix.Contains(from)
		}
		return m.Prefix.Contains(to)
	case ruleset.InSet:
		switch m.Field {
		case ruleset.Pair:
			return from == to && w.in[member{m.Set, ruleset.Key{Addr: to}}]
		case ruleset.DestinationBlock:
			block, err := to.Prefix(m.Bits)
			return err == nil && w.in[member{m.Set, ruleset.Key{Addr: block.Addr()}}]
		}
		return w.in[member{m.Set, ruleset.Key{Addr: to}}]
	case ruleset.OnLink:
		link := w.result.Link
		if m.Field == ruleset.InLink {
			link = w.packet.In
		}
		if strings.HasSuffix(m.Link, "-") {
			return strings.HasPrefix(link, m.Link)
		}
		return link == m.Link
	case ruleset.DNATed:
		return w.result.Redirected
	}
	return w.packet.Protocol == m.Protocol
}

// act does a rule's action; acted is false if its maps had nothing.
func (w *walk) act(a ruleset.Action) (v verdict, acted bool) {
	switch a.Kind {
	case ruleset.Accept:
		return accepted, true
	case ruleset.Drop:
		w.result.Fate = Dropped
		return ended, true
	case ruleset.Return:
		return back, true
	case ruleset.Jump:
		return w.run(a.Name), true
	case ruleset.Goto:
		return leave(w.run(a.Name)), true
	case ruleset.Reset, ruleset.Unreachable:
		w.result.Fate = Rejected
		return ended, true
	case ruleset.SNAT:
		w.result.Source = a.Addr
		return accepted, true
	case ruleset.Masquerade:
		w.result.Masqueraded = true
		return accepted, true
	}
	return w.balance(a)
}

// leave: a chain entered by goto does not come back to the rule after it.
func leave(v verdict) verdict {
	if v == onward {
		return back
	}
	return v
}

func (w *walk) balance(a ruleset.Action) (verdict, bool) {
	front, ok := w.front(a.NodePort)
	if !ok {
		return onward, false
	}
	switch a.Kind {
	case ruleset.Dispatch:
		mark, ok := w.vips[front]
		if !ok {
			return onward, false
		}
		return leave(w.run(mark.Chain(a.NodePort))), true
	case ruleset.Recall:
		to, ok := w.sticky[client{w.packet.Source.Addr(), front}]
		live := front
		live.To = to
		if !ok || !w.in[member{ruleset.Live, live}] {
			return onward, false
		}
		return w.redirect(to), true
	case ruleset.Forget:
		had := client{w.packet.Source.Addr(), front}
		_, ok := w.sticky[had]
		delete(w.sticky, had)
		return onward, ok
	}
	slot := front
	if !a.First {
		slot.Slot = w.packet.Random % a.Mark.Endpoints()
	}
	to, ok := w.to[slot]
	if !ok {
		return onward, false
	}
	if a.Mark.Sticky() > 0 {
		w.sticky[client{w.packet.Source.Addr(), front}] = to
	}
	return w.redirect(to), true
}

// front is the service's own key for this packet.
func (w *walk) front(nodePort bool) (ruleset.Key, bool) {
	k := ruleset.Key{Protocol: w.packet.Protocol, Port: w.packet.To.Port()}
	to := w.packet.To
	if nodePort {
		var ok bool
		if to, ok = w.to[k]; !ok {
			return k, false
		}
	}
	k.Addr, k.Port = to.Addr(), to.Port()
	return k, true
}

func (w *walk) redirect(to netip.AddrPort) verdict {
	w.result.To, w.result.Redirected = to, true
	return accepted
}

// route decides where the packet goes, as podnet's routes would.
func (w *walk) route() {
	c, to := w.rules.Config, w.result.To.Addr()
	has := func(s ruleset.Set, a netip.Addr) bool { return w.in[member{s, ruleset.Key{Addr: a}}] }
	w.result.Fate, w.result.Link = Sent, DefaultLink
	block, _ := to.Prefix(c.NodeRange.Bits())
	switch {
	case has(ruleset.Local, to), has(ruleset.Nodes, to), to == c.NodeAddr, to.IsLoopback():
		w.result.Fate, w.result.Link = Delivered, "lo"
	case w.packet.RoutesLost:
	case has(ruleset.Hairpin, to):
		w.result.Link = c.LinkPrefix + "-pod"
	case has(ruleset.Peers, block.Addr()):
		w.result.Link = SharedLink
	case c.PodRange.Contains(to):
		w.result.Fate, w.result.Link = Unrouted, ""
	case c.ServiceRange.Contains(to):
		w.result.Link = c.LinkPrefix + "-br"
	}
}
