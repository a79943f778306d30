package ruleset

import "net/netip"

// Chain is a list of rules; one with a Hook is entered by packets, any other
// by a jump or goto.
type Chain struct {
	Name string
	Hook Hook
	// NAT chains see the first packet of a connection only, filters see all.
	NAT      bool
	Priority int32
	Rules    []Rule
}

// Hook is where the kernel enters a chain.
type Hook uint8

// The hooks we use; NoHook is for chains that are called.
const (
	NoHook      Hook = iota
	Prerouting       // a packet came in over a link
	Output           // this machine made the packet
	Postrouting      // its route is known, it is about to leave
)

// Rule does Do if every match holds, and says why it is there.
type Rule struct {
	Why string
	If  []Match
	Do  Action
}

// Field is a part of the packet that a match looks at.
type Field uint8

// The fields. Pair is source and destination together.
const (
	Source Field = iota
	Destination
	Pair
	DestinationBlock // the destination cut to the size of a node's range
	InLink
	OutLink
)

// Match is one condition: exactly one of Prefix, Set, Link, DNATed and
// Protocol is meant, as Kind says.
type Match struct {
	Kind     MatchKind
	Field    Field
	Not      bool
	Prefix   netip.Prefix // InPrefix
	Set      Set          // InSet
	Link     string       // OnLink: a name, or how names begin if it ends in "-"
	Protocol uint8        // IsProtocol
	Bits     int          // InSet with DestinationBlock: how many bits are kept
}

// MatchKind is the kind of a condition.
type MatchKind uint8

// The kinds of condition.
const (
	InPrefix MatchKind = iota
	InSet
	OnLink
	DNATed // the connection's destination was rewritten
	IsProtocol
)

// Action is what a rule does. Name is the chain of Jump and Goto, Addr the
// new source of SNAT; NodePort, Mark and First belong to the balancing ones.
type Action struct {
	Kind ActionKind
	Name string
	Addr netip.Addr
	// NodePort: the service is found by protocol and port alone, in NodePorts,
	// instead of by the destination address.
	NodePort bool
	Mark     Mark
	// First: take slot 0 instead of a random one.
	First bool
}

// ActionKind is the kind of an action.
type ActionKind uint8

// The kinds of action. An action of the balancing kind that finds nothing in
// its map lets the packet go on to the next rule.
const (
	Accept ActionKind = iota
	Drop
	Return
	Jump
	Goto
	Reset       // reject with a TCP reset
	Unreachable // reject with ICMP port unreachable
	SNAT
	Masquerade
	Dispatch // vips (by NodePort: nodeports, then vips), then the mark's chain
	Recall   // the endpoint this client had, if it is still one: refresh, DNAT
	Forget   // drop the memory that Recall would not follow
	Choose   // endpoints by slot, remember if the mark is sticky, DNAT
)
