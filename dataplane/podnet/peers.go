package podnet

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vxlanPort is IANA's; cells differ by their id.
const vxlanPort = 4789

// SetPeers makes routes to the other nodes' pods, and ends those to nodes that
// are not in the list.
func (n *Net) SetPeers(peers []Peer) error {
	for _, p := range peers {
		if p.NodeRange.Overlaps(n.cfg.NodeRange) {
			return fmt.Errorf("podnet: node %v claims %v, which overlaps this node's %v", p.NodeAddr, p.NodeRange, n.cfg.NodeRange)
		}
		if !n.cfg.PodRange.Contains(p.NodeRange.Addr()) {
			return fmt.Errorf("podnet: the range %v of node %v is not in the pod range %v", p.NodeRange, p.NodeAddr, n.cfg.PodRange)
		}
	}
	sorted := slices.Clone(peers)
	slices.SortFunc(sorted, byAddr)
	n.mu.Lock()
	n.peers = sorted
	n.mu.Unlock()
	_, err := n.Repair()
	return err
}

// ensureOverlay makes the VXLAN device and its entries, if a peer needs them;
// it returns nil if none does.
func (n *Net) ensureOverlay() (netlink.Link, []string, error) {
	var far []Peer
	for _, p := range n.peers {
		if _, ok := direct(p.NodeAddr); !ok {
			far = append(far, p)
		}
	}
	if len(far) == 0 {
		return nil, nil, nil
	}
	var did []string
	name := n.cfg.vxlan()
	l, err := netlink.LinkByName(name)
	if missingLink(err) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = name, n.cfg.MTU-50 // outer Ethernet, IP, UDP and VXLAN headers
		attrs.HardwareAddr = hardware(0xce, n.cfg.NodeAddr)
		err = netlink.LinkAdd(&netlink.Vxlan{
			LinkAttrs: attrs, VxlanId: n.cfg.vxlanID(), Port: vxlanPort,
			SrcAddr: n.cfg.NodeAddr.AsSlice(), VtepDevIndex: n.home.Attrs().Index,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("podnet: make VXLAN device %s (is the module vxlan there?): %w", name, err)
		}
		_ = setSysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1") // a kernel without IPv6 has none
		did = append(did, "VXLAN device "+name+" was missing, made")
		l, err = netlink.LinkByName(name)
	}
	if err != nil {
		return nil, did, fmt.Errorf("podnet: look at VXLAN device %s: %w", name, err)
	}
	end := netip.PrefixFrom(n.cfg.NodeRange.Addr(), 32)
	if err := netlink.AddrReplace(l, &netlink.Addr{IPNet: ipnet(end)}); err != nil {
		return nil, did, fmt.Errorf("podnet: give %s the address %v: %w", name, end.Addr(), err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return nil, did, fmt.Errorf("podnet: bring %s up: %w", name, err)
	}
	for _, p := range far {
		if err := tunnel(l.Attrs().Index, p, hardware(0xce, p.NodeAddr)); err != nil {
			return nil, did, err
		}
	}
	return l, did, nil
}

// tunnel shows the device where a peer's end is: by MAC which node, by address
// which MAC.
func tunnel(link int, p Peer, mac net.HardwareAddr) error {
	entries := []*netlink.Neigh{
		{
			LinkIndex: link, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
			IP: p.NodeAddr.AsSlice(), HardwareAddr: mac,
		},
		neighbour(link, p.NodeRange.Addr(), mac),
	}
	for _, e := range entries {
		if err := netlink.NeighSet(e); err != nil {
			return fmt.Errorf("podnet: tunnel to node %v: %w", p.NodeAddr, err)
		}
	}
	return nil
}
