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
const (
	Local     Set = iota // addresses in the service range that we answer ourselves
	Nodes                // addresses on which node ports answer
	Vips                 // address . protocol . port : mark
	Endpoints            // address . protocol . port . slot : endpoint
	NodePorts            // protocol . port : address . protocol . port of the service
	Live                 // address . protocol . port . endpoint, of sticky services
	Hairpin              // pod . pod, for each pod of this node
	Peers                // the other nodes' shares of the pod range
	Sets                 // how many there are
)

var setNames = [Sets]string{"local", "nodes", "vips", "endpoints", "nodeports", "live", "hairpin", "peers"}

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
// and Diff relies on it.
func order(a, b Element) int {
	return cmp.Or(
		cmp.Compare(a.Set, b.Set),
		a.Key.Addr.Compare(b.Key.Addr),
		cmp.Compare(a.Key.Protocol, b.Key.Protocol),
		cmp.Compare(a.Key.Port, b.Key.Port),
		cmp.Compare(a.Key.Slot, b.Key.Slot),
		a.Key.To.Compare(b.Key.To),
	)
}
