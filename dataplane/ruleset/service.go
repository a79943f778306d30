package ruleset

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// The transport protocols that services may use, by their IP protocol number.
const (
	TCP uint8 = 6
	UDP uint8 = 17
)

// Service is one service as the dataplane sees it.
type Service struct {
	Namespace, Name string
	// VIP is the service's address; the zero value means that there is none
	// (headless), and then no rule is made.
	VIP   netip.Addr
	Ports []Port
	// Sticky is for how long a client keeps its endpoint after its last
	// connection, in whole seconds up to a day; 0 means not at all.
	Sticky time.Duration
}

// Port is one port of a service and what answers behind it.
type Port struct {
	Name     string
	Protocol uint8 // TCP or UDP
	Port     uint16
	NodePort uint16 // 0: none
	// Endpoints are the ready ones. Their order is the order of slots, so a
	// stable order means few changes in the kernel.
	Endpoints []netip.AddrPort
}

// Config is what a node knows of itself.
type Config struct {
	// Cell names the table (cairn-CELL), so that two cells share a machine.
	Cell string
	// LinkPrefix is how the names of this cell's links begin, without the
	// hyphen after it: every link of the cell is called LinkPrefix-SOMETHING.
	LinkPrefix string
	// PodRange and ServiceRange are the whole cell's; NodeRange is this node's
	// share of PodRange, and all nodes' shares have its size.
	PodRange, ServiceRange, NodeRange netip.Prefix
	// NodeAddr is the source given to connections that a pod would otherwise
	// answer past us: its own, and those from the machine's loopback.
	NodeAddr netip.Addr
	// NodeAddrs are the local addresses on which node ports answer.
	NodeAddrs []netip.Addr
	// LocalAddrs are addresses in ServiceRange that this machine itself answers
	// (cluster DNS); no rule touches packets to them.
	LocalAddrs []netip.Addr
	// LocalPods are the pods attached to this node.
	LocalPods []netip.Addr
	// Peers are the other nodes' shares of PodRange.
	Peers []netip.Prefix
}

// Validate says what is missing or wrong, by the field's name; nil if nothing.
func (c Config) Validate() error {
	switch {
	case c.Cell == "":
		return errors.New("dataplane: Cell is empty: give the cell's name")
	case c.LinkPrefix == "" || len(c.LinkPrefix) > 6:
		return fmt.Errorf("dataplane: LinkPrefix %q must have 1 to 6 letters: link names end at 15", c.LinkPrefix)
	case !c.NodeAddr.Is4() || c.NodeAddr.IsLoopback():
		return fmt.Errorf("dataplane: NodeAddr %v is not an IPv4 address that pods could answer to: give this machine's own", c.NodeAddr)
	}
	for _, r := range []struct {
		name  string
		value netip.Prefix
	}{{"PodRange", c.PodRange}, {"ServiceRange", c.ServiceRange}, {"NodeRange", c.NodeRange}} {
		if !r.value.IsValid() || !r.value.Addr().Is4() || r.value != r.value.Masked() {
			return fmt.Errorf("dataplane: %s %v is not an IPv4 prefix with its host bits zero", r.name, r.value)
		}
	}
	if c.PodRange.Overlaps(c.ServiceRange) {
		return fmt.Errorf("dataplane: pod range %v and service range %v overlap: choose others", c.PodRange, c.ServiceRange)
	}
	if c.NodeRange.Bits() < c.PodRange.Bits() || !c.PodRange.Contains(c.NodeRange.Addr()) {
		return fmt.Errorf("dataplane: node range %v is not inside the pod range %v", c.NodeRange, c.PodRange)
	}
	for _, p := range c.Peers {
		if p.Bits() != c.NodeRange.Bits() {
			return fmt.Errorf("dataplane: peer range %v has not the size of this node's, %v", p, c.NodeRange)
		}
	}
	return nil
}
