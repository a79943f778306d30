package ruleset

import (
	"cmp"
	"net/netip"
)

// Set names one of the table's sets and maps.
type Set uint8

// The sets whose elements follow from the services and the node's state. The
// kernel's table has three more: dispatch and dispatch-np (a mark to its
// chain, made with the chains) and sticky (written by packets, never by us).
//
// Invariant: the node's own sets stand before Vips, the services' from Vips on.
const (
	Local     Set = iota // addresses in the service range that we answer ourselves
	Nodes                // addresses on which node ports answer
	Hairpin              // pod . pod, for each pod of this node
	Peers                // the other nodes' shares of the pod range
	Vips                 // address . protocol . port : mark
	Endpoints            // address . protocol . port . slot : endpoint
	NodePorts            // protocol . port : address . protocol . port of the service
	Live                 // address . protocol . port . endpoint, of sticky services
	Sets                 // how many there are
)

var setNames = [Sets]string{"local", "nodes", "hairpin", "peers", "vips", "endpoints", "nodeports", "live"}

// String is the set's name in the kernel.
func (s Set) String() string { return setNames[s] }

// Key is an element's key; each set uses the fields that its comment names.
type Key struct {
	Addr     netip.Addr
	Protocol uint8
	Port     uint16
	Slot     uint32
	To       netip.AddrPort // Live only
}

// Element is one element of a set or map. To is the data of Endpoints and
// NodePorts, Mark that of Vips.
type Element struct {
	Set  Set
	Key  Key
	To   netip.AddrPort
	Mark Mark
}

// order puts elements by set, then key: what Compile returns is sorted so,
// and Diff relies on it. It stops at the first difference, as it runs a
// million times for a large cell.
func order(a, b Element) int {
	if c := cmp.Compare(a.Set, b.Set); c != 0 {
		return c
	}
	if c := a.Key.Addr.Compare(b.Key.Addr); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Key.Protocol, b.Key.Protocol); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Key.Port, b.Key.Port); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Key.Slot, b.Key.Slot); c != 0 {
		return c
	}
	return a.Key.To.Compare(b.Key.To)
}
