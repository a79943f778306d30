package podnet

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Config describes the cell's network on this machine.
type Config struct {
	Cell string
	// Owner distinguishes two cells of one name, by their data folder, say; empty:
	// it is not known.
	Owner string
	// LinkPrefix has at most 6 letters: links are called LinkPrefix-SOMETHING.
	LinkPrefix string
	// PodRange and ServiceRange are the cell's, NodeRange is this node's share.
	PodRange, NodeRange, ServiceRange netip.Prefix
	// NodeAddr must be an address of this machine.
	NodeAddr netip.Addr
	// LocalAddrs, in ServiceRange, are answered by this machine.
	LocalAddrs []netip.Addr
	// StateDir holds, for each network namespace and cell, what was changed:
	// a directory shared by the machine's cells that does not outlive a boot.
	StateDir string
	// NodePorts are the ports that services may get on this machine's addresses;
	// zero: not known, and never refused.
	NodePorts Ports
	// MTU of pods' links; 0 takes that of NodeAddr's link.
	MTU int
	// Loopback lets node ports answer on 127.0.0.1, by route_localnet on the
	// pods' links. The ruleset then keeps pods away from the loopback; while
	// it is missing (a second, until it is repaired), one that crafts packets
	// could reach it.
	Loopback bool
	// VXLANID is 1 to 2^24-1, the same on all nodes; 0 derives it from Cell.
	VXLANID int
}

// Ports is an inclusive range.
type Ports struct{ Low, High uint16 }

func (p Ports) String() string { return fmt.Sprintf("%d-%d", p.Low, p.High) }

// overlap is false where either is not known.
func (p Ports) overlap(q Ports) bool {
	return p.Low != 0 && q.Low != 0 && p.Low <= q.High && q.Low <= p.High
}

// Peer is another node.
type Peer struct {
	NodeAddr  netip.Addr
	NodeRange netip.Prefix // its share of the pod range
}

// protocol marks our routes in the kernel's tables (rtnetlink reserves the
// numbers from 5 for routing daemons; this one is in nobody's list).
const protocol = 202

// Metrics: a route of ours is better than the unreachable one behind it.
const (
	metricUnreachable = 4096
)

func (c Config) bridge() string { return c.LinkPrefix + "-br" }
func (c Config) vxlan() string  { return c.LinkPrefix + "-vx" }

// link is the name of a pod's host end: its address is readable in it.
func (c Config) link(a netip.Addr) string { return fmt.Sprintf("%s-%x", c.LinkPrefix, a.As4()) }

// podOf is the address of the pod whose host end is called so.
func (c Config) podOf(name string) (netip.Addr, bool) {
	var ip [4]byte
	if len(name) != len(c.LinkPrefix)+9 || name[:len(c.LinkPrefix)+1] != c.LinkPrefix+"-" {
		return netip.Addr{}, false
	}
	_, err := fmt.Sscanf(name[len(c.LinkPrefix)+1:], "%02x%02x%02x%02x", &ip[0], &ip[1], &ip[2], &ip[3])
	return netip.AddrFrom4(ip), err == nil
}

// hardware makes a locally administered MAC: kind says which end it is.
func hardware(kind byte, a netip.Addr) net.HardwareAddr {
	ip := a.As4()
	return append(net.HardwareAddr{0x02, kind}, ip[:]...)
}

func (c Config) vxlanID() int {
	if c.VXLANID != 0 {
		return c.VXLANID
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.Cell)) // never fails
	return int(h.Sum32()&(1<<24-1)) | 1
}

var errNoStateDir = errors.New("podnet: StateDir is empty: name a directory for what must be put back")

func (c Config) validate() error {
	switch {
	case c.LinkPrefix == "" || len(c.LinkPrefix) > 6:
		return fmt.Errorf("podnet: link prefix %q must have 1 to 6 letters: link names end at 15", c.LinkPrefix)
	case c.StateDir == "":
		return errNoStateDir
	}
	for _, a := range c.LocalAddrs {
		if !c.ServiceRange.Contains(a) {
			return fmt.Errorf("podnet: local address %v is not in the service range %v", a, c.ServiceRange)
		}
	}
	return nil
}

// home is the link that has NodeAddr.
func (c Config) home() (netlink.Link, error) {
	addrs, err := Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("podnet: list this machine's addresses: %w", err)
	}
	for _, a := range addrs {
		if a.IP.Equal(c.NodeAddr.AsSlice()) {
			return netlink.LinkByIndex(a.LinkIndex)
		}
	}
	return nil, fmt.Errorf("podnet: node address %v is not an address of this machine: give one that is", c.NodeAddr)
}

func ipnet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

func prefix(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}
