package ruleset

import (
	"fmt"
	"strings"
)

// Words prints the ruleset for a person: the chains with their reasons, then
// the elements. It is what `cairn dataplane show` shows.
func (r Ruleset) Words() string {
	var w strings.Builder
	c := r.Config
	fmt.Fprintf(&w, "table %s: pods %v (here %v), services %v, this node %v, links %s-*\n",
		c.TableName(), c.PodRange, c.NodeRange, c.ServiceRange, c.NodeAddr, c.LinkPrefix)
	for _, ch := range r.Chains {
		fmt.Fprintf(&w, "\nchain %s%s\n", ch.Name, ch.hookWords())
		for _, rule := range ch.Rules {
			rule.words(&w)
		}
	}
	for _, b := range r.Balancers {
		fmt.Fprintf(&w, "\nchain %s, for %v%s\n", b.Mark.Chain(b.NodePort), b.Mark, choose(b.NodePort, ", by node port", ""))
		for _, rule := range b.Rules() {
			rule.words(&w)
		}
	}
	last := Sets
	for _, e := range r.Elements {
		if e.Set != last {
			fmt.Fprintf(&w, "\n%s\n", e.Set)
			last = e.Set
		}
		fmt.Fprintf(&w, "  %s\n", e.words(c))
	}
	return w.String()
}

// TableName is the name of the cell's table in the kernel.
func (c Config) TableName() string { return "cairn-" + c.Cell }

// String is the op as Words prints elements, with + or - before it.
func (o Op) String() string {
	return choose(o.Delete, "- ", "+ ") + o.Element.Set.String() + ": " + o.Element.words(Config{})
}

func (c Chain) hookWords() string {
	if c.Hook == NoHook {
		return ""
	}
	hooks := [...]string{Prerouting: "packets that came in over a link", Output: "packets of this machine", Postrouting: "packets about to leave"}
	return fmt.Sprintf(": %s, %s, priority %d", hooks[c.Hook], choose(c.NAT, "first of a connection", "every one"), c.Priority)
}

func (r Rule) words(w *strings.Builder) {
	conditions := make([]string, len(r.If))
	for i, m := range r.If {
		conditions[i] = m.words()
	}
	what := "always"
	if len(conditions) > 0 {
		what = "if " + strings.Join(conditions, " and ")
	}
	fmt.Fprintf(w, "  %s: %s (%s)\n", what, r.Do.words(), r.Why)
}

func (m Match) words() string {
	fields := [...]string{"source", "destination", "source and destination", "destination's block", "came over", "leaves over"}
	is := choose(m.Not, " is not ", " is ")
	switch m.Kind {
	case InPrefix:
		return fmt.Sprintf("%s%sin %v", fields[m.Field], is, m.Prefix)
	case InSet:
		return fmt.Sprintf("%s%sin %v", fields[m.Field], is, m.Set)
	case OnLink:
		return fmt.Sprintf("%s %s%s", fields[m.Field], choose(m.Not, "other than ", ""), m.Link+choose(strings.HasSuffix(m.Link, "-"), "*", ""))
	case DNATed:
		return "redirected"
	default:
		return "protocol is " + protocol(m.Protocol)
	}
}

func (a Action) words() string {
	switch a.Kind {
	case Jump:
		return "see " + a.Name
	case Goto:
		return "go to " + a.Name
	case SNAT:
		return fmt.Sprintf("make the source %v", a.Addr)
	case Dispatch:
		return "find " + choose(a.NodePort, "nodeports, then ", "") + "vips, go to the chain of its mark"
	case Recall:
		return fmt.Sprintf("redirect to what sticky has, if live, for %v more", a.Mark.Sticky())
	case Choose:
		slot := choose(a.First, "slot 0", fmt.Sprintf("a slot of %d", a.Mark.Endpoints()))
		return "take " + slot + ", redirect to its endpoint" + choose(a.Mark.Sticky() > 0, ", remember it", "")
	}
	return map[ActionKind]string{
		Accept: "let pass", Drop: "drop", Return: "return", Reset: "reject by TCP reset",
		Unreachable: "reject as port unreachable", Masquerade: "make the source this machine's", Forget: "forget what sticky has",
	}[a.Kind]
}

func (e Element) words(c Config) string {
	k := e.Key
	front := fmt.Sprintf("%v %s %d", k.Addr, protocol(k.Protocol), k.Port)
	switch e.Set {
	case Vips:
		return fmt.Sprintf("%s -> %v", front, e.Mark)
	case Endpoints:
		return fmt.Sprintf("%s slot %d -> %v", front, k.Slot, e.To)
	case NodePorts:
		return fmt.Sprintf("%s %d -> %v", protocol(k.Protocol), k.Port, e.To)
	case Live:
		return fmt.Sprintf("%s at %v", front, k.To)
	case Peers:
		if c.NodeRange.IsValid() {
			return fmt.Sprintf("%v/%d", k.Addr, c.NodeRange.Bits())
		}
	}
	return k.Addr.String()
}

func protocol(p uint8) string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	}
	return fmt.Sprintf("protocol %d", p)
}

func choose[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}
