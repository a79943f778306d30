package podnet

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// route is one route we want, in a form that compares.
//
// Invariant: for each of PodRange and ServiceRange there is an unreachable
// route; the kernel removes it on no event but a command.
type route struct {
	to     netip.Prefix
	link   int // 0 for unreachable ones
	via    netip.Addr
	source netip.Addr
	metric int
	onLink bool
}

// want lists the routes that there should be.
func (n *Net) want(bridge, overlay netlink.Link, pods map[netip.Addr]int) []route {
	c := n.cfg
	out := []route{
		{to: c.PodRange, metric: metricUnreachable},
		{to: c.ServiceRange, metric: metricUnreachable},
		{to: c.ServiceRange, link: bridge.Attrs().Index, source: c.NodeAddr},
	}
	for a, link := range pods {
		out = append(out, route{to: netip.PrefixFrom(a, 32), link: link, source: c.NodeAddr})
	}
	for _, p := range n.peers {
		if link, ok := direct(p.NodeAddr); ok {
			out = append(out, route{to: p.NodeRange, link: link, via: p.NodeAddr})
		} else if overlay != nil {
			end := p.NodeRange.Addr()
			out = append(out, route{to: p.NodeRange, link: overlay.Attrs().Index, via: end, source: c.NodeRange.Addr(), onLink: true})
		}
	}
	return out
}

// ensureRoutes adds the missing ones and removes those of peers and pods that
// are no more.
func (n *Net) ensureRoutes(bridge, overlay netlink.Link) ([]string, error) {
	pods := map[netip.Addr]int{}
	for a := range n.pods {
		if l, err := netlink.LinkByName(n.cfg.link(a)); err == nil {
			pods[a] = l.Attrs().Index
		} else if !missingLink(err) {
			return nil, fmt.Errorf("podnet: look at the link of pod %v: %w", a, err)
		}
		// A link that is gone went with its pod; the daemon will detach it.
	}
	wants := n.want(bridge, overlay, pods)
	haves, err := ourRoutes()
	if err != nil {
		return nil, err
	}
	have := map[route]netlink.Route{}
	for _, r := range haves {
		to := prefix(r.Dst)
		if n.cfg.PodRange.Contains(to.Addr()) || n.cfg.ServiceRange.Contains(to.Addr()) {
			have[read(r)] = r
		}
	}
	var did []string
	for _, w := range wants {
		if _, ok := have[w]; ok {
			delete(have, w)
			continue
		}
		r := w.kernel()
		if err := netlink.RouteReplace(&r); err != nil {
			return did, fmt.Errorf("podnet: add the route to %v: %w", w.to, err)
		}
		did = append(did, fmt.Sprintf("route to %v was missing, added", w.to))
	}
	for w, r := range have {
		if err := netlink.RouteDel(&r); err != nil && !missingRoute(err) {
			return did, fmt.Errorf("podnet: remove the old route to %v: %w", w.to, err)
		}
	}
	return did, nil
}

// ourRoutes are those with our number, of all cells.
func ourRoutes() ([]netlink.Route, error) {
	rs, err := Whole(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4,
			&netlink.Route{Table: unix.RT_TABLE_MAIN, Protocol: protocol}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
	})
	if err != nil {
		return nil, fmt.Errorf("podnet: list this machine's routes: %w", err)
	}
	return rs, nil
}

func (w route) kernel() netlink.Route {
	r := netlink.Route{Dst: ipnet(w.to), Protocol: protocol, Priority: w.metric, Table: unix.RT_TABLE_MAIN, LinkIndex: w.link}
	switch {
	case w.link == 0:
		r.Type = unix.RTN_UNREACHABLE
		return r
	case w.via.IsValid():
		r.Gw = w.via.AsSlice()
	default:
		r.Scope = unix.RT_SCOPE_LINK
	}
	if w.source.IsValid() {
		r.Src = w.source.AsSlice()
	}
	if w.onLink {
		r.Flags = int(netlink.FLAG_ONLINK)
	}
	return r
}

// read is the inverse of kernel, as far as routes are compared.
func read(r netlink.Route) route {
	w := route{to: prefix(r.Dst), metric: r.Priority, onLink: r.Flags&int(netlink.FLAG_ONLINK) != 0}
	if r.Type != unix.RTN_UNREACHABLE {
		w.link = r.LinkIndex
	}
	w.via, _ = addr(r.Gw)
	w.source, _ = addr(r.Src)
	return w
}

func addr(ip net.IP) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(ip)
	return a.Unmap(), ok
}

// direct is the link that a node is on, if there is no router between.
func direct(node netip.Addr) (link int, ok bool) {
	rs, err := netlink.RouteGet(node.AsSlice())
	if err != nil || len(rs) == 0 || rs[0].Gw != nil {
		return 0, false
	}
	return rs[0].LinkIndex, true
}

func missingLink(err error) bool {
	return errors.As(err, &netlink.LinkNotFoundError{}) || errors.Is(err, unix.ENODEV)
}

func missingRoute(err error) bool {
	return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

func byAddr(a, b Peer) int {
	return cmp.Or(a.NodeAddr.Compare(b.NodeAddr), a.NodeRange.Addr().Compare(b.NodeRange.Addr()))
}
