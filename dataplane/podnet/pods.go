package podnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// PodLink is the name of a pod's own end.
const PodLink = "eth0"

// gateway is what pods send to; no link owns it.
var gateway = netip.MustParseAddr("169.254.1.1")

// Attach gives the pod in the network namespace at path (/proc/PID/ns/net, or
// a bind mount of it) the address addr, and routes it here. It may be
// repeated; a link left over from another pod with this address is replaced.
// mtu in bytes; 0 takes the machine's.
func (n *Net) Attach(path string, addr netip.Addr, mtu int) error {
	if !n.cfg.NodeRange.Contains(addr) {
		return fmt.Errorf("podnet: pod address %v is not in this node's range %v", addr, n.cfg.NodeRange)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if mtu == 0 {
		mtu = n.cfg.MTU
	}
	space, err := netns.GetFromPath(path)
	if err != nil {
		return fmt.Errorf("podnet: open the pod's network namespace (has its sandbox ended?): %w", err)
	}
	defer space.Close()
	inside, err := netlink.NewHandleAt(space, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("podnet: enter the pod's network namespace: %w", err)
	}
	defer inside.Close()
	host, err := n.ensureVeth(space, inside, addr, mtu)
	if err != nil {
		return err
	}
	if err := n.podSide(inside, addr); err != nil {
		return errors.Join(err, netlink.LinkDel(host))
	}
	err = n.hostSide(host, addr)
	if err == nil {
		err = settle(inside, host.Attrs().Name)
	}
	if err != nil {
		return errors.Join(err, netlink.LinkDel(host))
	}
	n.pods[addr] = true
	delete(n.gone, addr)
	return nil
}

// ensureVeth returns the host end of the pair whose other end is the pod's.
func (n *Net) ensureVeth(space netns.NsHandle, inside *netlink.Handle, addr netip.Addr, mtu int) (netlink.Link, error) {
	name := n.cfg.link(addr)
	host, err := netlink.LinkByName(name)
	switch {
	case err == nil:
		// Indexes of the two ends name each other, if it is this pod's.
		pod, err := inside.LinkByName(PodLink)
		if err == nil && pod.Attrs().ParentIndex == host.Attrs().Index && host.Attrs().ParentIndex == pod.Attrs().Index {
			return host, nil
		}
		if err := netlink.LinkDel(host); err != nil && !missingLink(err) {
			return nil, fmt.Errorf("podnet: remove the link of an earlier pod %v: %w", addr, err)
		}
	case !missingLink(err):
		return nil, fmt.Errorf("podnet: look at link %s: %w", name, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = name, mtu, hardware(0xca, addr)
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerMTU, veth.PeerHardwareAddr = PodLink, uint32(mtu), hardware(0xcb, addr)
	// Made there, not moved there: forty times faster.
	veth.PeerNamespace = netlink.NsFd(int(space))
	if err := netlink.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("podnet: make the link of pod %v (does its namespace have an %s already?): %w", addr, PodLink, err)
	}
	host, err = netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("podnet: look at link %s: %w", name, err)
	}
	return host, nil
}

// podSide sets up the pod's end: loopback, address, and the way out.
func (n *Net) podSide(inside *netlink.Handle, addr netip.Addr) error {
	fail := func(what string, err error) error {
		return fmt.Errorf("podnet: pod %v: %s: %w", addr, what, err)
	}
	for _, name := range []string{"lo", PodLink} {
		l, err := inside.LinkByName(name)
		if err != nil {
			return fail("look at "+name, err)
		}
		if err := inside.LinkSetUp(l); err != nil {
			return fail("bring up "+name, err)
		}
	}
	eth, err := inside.LinkByName(PodLink)
	if err != nil {
		return fail("look at "+PodLink, err)
	}
	if err := inside.AddrReplace(eth, &netlink.Addr{IPNet: ipnet(netip.PrefixFrom(addr, 32))}); err != nil {
		return fail("give it its address", err)
	}
	index := eth.Attrs().Index
	if err := inside.NeighSet(neighbour(index, gateway, hardware(0xca, addr))); err != nil {
		return fail("make the gateway known", err)
	}
	for _, r := range []netlink.Route{
		{LinkIndex: index, Dst: ipnet(netip.PrefixFrom(gateway, 32)), Scope: unix.RT_SCOPE_LINK},
		{LinkIndex: index, Dst: ipnet(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), Gw: gateway.AsSlice(), Src: addr.AsSlice()},
	} {
		if err := inside.RouteReplace(&r); err != nil {
			return fail("route "+r.Dst.String(), err)
		}
	}
	return nil
}

// settle waits until both ends send. The kernel gives an end that came up
// before the other its queue a moment later; until then it drops what the pod
// sends first, and a lost SYN or DNS question costs the pod a second or more.
// Newer kernels make up for it when they are asked for the link.
func settle(inside *netlink.Handle, hostEnd string) error {
	const within = 2 * time.Second
	deadline := time.Now().Add(within)
	for {
		pod, err := inside.LinkByName(PodLink)
		if err != nil {
			return fmt.Errorf("podnet: look at the pod's end of %s: %w", hostEnd, err)
		}
		host, err := netlink.LinkByName(hostEnd)
		if err != nil {
			return fmt.Errorf("podnet: look at %s: %w", hostEnd, err)
		}
		if pod.Attrs().OperState == netlink.OperUp && host.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("podnet: link %s did not come up within %v: attach again", hostEnd, within)
		}
		time.Sleep(time.Millisecond)
	}
}

// hostSide sets up the machine's end and the route to the pod.
func (n *Net) hostSide(host netlink.Link, addr netip.Addr) error {
	name := host.Attrs().Name
	fail := func(what string, err error) error {
		return fmt.Errorf("podnet: link %s of pod %v: %s: %w", name, addr, what, err)
	}
	_ = setSysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1") // a kernel without IPv6 has none
	set := map[string]string{"send_redirects": "0"}           // a pod that reaches itself has no shorter way
	if n.cfg.Loopback {
		set["route_localnet"] = "1"
	}
	for k, v := range set {
		if err := setSysctl("net/ipv4/conf/"+name+"/"+k, v); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(host); err != nil {
		return fail("bring it up", err)
	}
	if err := netlink.NeighSet(neighbour(host.Attrs().Index, addr, hardware(0xcb, addr))); err != nil {
		return fail("make the pod known", err)
	}
	r := route{to: netip.PrefixFrom(addr, 32), link: host.Attrs().Index, source: n.cfg.NodeAddr}.kernel()
	if err := netlink.RouteReplace(&r); err != nil {
		return fail("route to it", err)
	}
	return nil
}

func neighbour(link int, a netip.Addr, mac net.HardwareAddr) *netlink.Neigh {
	return &netlink.Neigh{LinkIndex: link, Family: unix.AF_INET, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: mac}
}

// Detach ends the route to a pod at once. Its link goes with its namespace; if
// that lives on, the next Repair removes it (removing a link takes tens of
// milliseconds, which the end of a pod need not wait for).
func (n *Net) Detach(addr netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pods, addr)
	n.gone[addr] = true
	err := netlink.RouteDel(&netlink.Route{
		Dst: ipnet(netip.PrefixFrom(addr, 32)), Protocol: protocol, Table: unix.RT_TABLE_MAIN,
		Scope: unix.RT_SCOPE_LINK, // the kernel finds no route of another scope
	})
	if err != nil && !missingRoute(err) {
		return fmt.Errorf("podnet: remove the route to pod %v: %w", addr, err)
	}
	return nil
}
