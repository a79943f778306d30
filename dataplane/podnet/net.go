package podnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
)

// Net is the cell's network on this machine, set up.
type Net struct {
	cfg  Config
	home netlink.Link // has NodeAddr

	mu    sync.Mutex
	pods  map[netip.Addr]bool // attached
	gone  map[netip.Addr]bool // detached, link perhaps still there
	peers []Peer
}

// Setup checks that the ranges are free, and makes bridge, routes and sysctls.
// Pods of an earlier run stay attached: Pods lists them.
//
// It refuses with a *Collision, and changes nothing, if a route or an address
// of the machine or another cell lies in one of the ranges.
func Setup(cfg Config) (*Net, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	home, err := cfg.home()
	if err != nil {
		return nil, err
	}
	if cfg.MTU == 0 {
		cfg.MTU = home.Attrs().MTU
		if home.Attrs().Flags&net.FlagLoopback != 0 {
			cfg.MTU = 1500 // the loopback's says nothing about the way out
		}
	}
	s, err := openClaims(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	// Cells before routes: the name of a cell says more than that of its links.
	if err := s.rivals(cfg); err != nil {
		return nil, err
	}
	if err := cfg.collide(); err != nil {
		return nil, err
	}
	if err := s.take(cfg); err != nil {
		return nil, err
	}
	n := &Net{cfg: cfg, home: home, pods: map[netip.Addr]bool{}, gone: map[netip.Addr]bool{}}
	links, err := Whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("podnet: list this machine's links: %w", err)
	}
	for _, l := range links {
		if a, ok := cfg.podOf(l.Attrs().Name); ok {
			n.pods[a] = true
		}
	}
	_, err = n.Repair()
	return n, err
}

// Repair makes what is missing and removes what is too much, and says in words
// what it was; it is cheap if nothing is. Setup is the first repair.
func (n *Net) Repair() ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var did []string
	for k, v := range wanted {
		now, err := sysctl(k)
		if err != nil {
			return did, err
		}
		if now != v {
			if err := setSysctl(k, v); err != nil {
				return did, err
			}
			did = append(did, fmt.Sprintf("sysctl %s was %s, set to %s", strings.ReplaceAll(k, "/", "."), now, v))
		}
	}
	bridge, made, err := n.ensureBridge()
	did = append(did, made...)
	if err != nil {
		return did, err
	}
	overlay, made, err := n.ensureOverlay()
	did = append(did, made...)
	if err != nil {
		return did, err
	}
	if err := n.sweepLinks(); err != nil {
		return did, err
	}
	made, err = n.ensureRoutes(bridge, overlay)
	return append(did, made...), err
}

// ensureBridge makes the bridge without ports, with the local addresses on it.
func (n *Net) ensureBridge() (netlink.Link, []string, error) {
	var did []string
	name := n.cfg.bridge()
	l, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		attrs.HardwareAddr = hardware(0xb0, n.cfg.NodeAddr)
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
			return nil, nil, fmt.Errorf("podnet: make bridge %s: %w", name, err)
		}
		// No router may talk to it, and it shall not talk either.
		_ = setSysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1") // a kernel without IPv6 has none
		did = append(did, "bridge "+name+" was missing, made")
		l, err = netlink.LinkByName(name)
	}
	if err != nil {
		return nil, did, fmt.Errorf("podnet: look at bridge %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return nil, did, fmt.Errorf("podnet: bring bridge %s up: %w", name, err)
	}
	have, err := Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(l, netlink.FAMILY_V4) })
	if err != nil {
		return nil, did, fmt.Errorf("podnet: list the addresses of %s: %w", name, err)
	}
	for _, a := range n.cfg.LocalAddrs {
		missing := true
		for _, h := range have {
			missing = missing && !h.IP.Equal(a.AsSlice())
		}
		if !missing {
			continue
		}
		err := netlink.AddrReplace(l, &netlink.Addr{IPNet: ipnet(netip.PrefixFrom(a, 32))})
		if err != nil {
			return nil, did, fmt.Errorf("podnet: give %s the address %v: %w", name, a, err)
		}
		did = append(did, fmt.Sprintf("address %v was missing on %s, added", a, name))
	}
	return l, did, nil
}

// sweepLinks removes the links of detached pods whose namespace lives on.
func (n *Net) sweepLinks() error {
	for a := range n.gone {
		l, err := netlink.LinkByName(n.cfg.link(a))
		if err == nil {
			err = netlink.LinkDel(l)
		}
		// It may have gone with its namespace at any moment.
		if err != nil && !missingLink(err) {
			return fmt.Errorf("podnet: remove the link of pod %v: %w", a, err)
		}
		delete(n.gone, a)
	}
	return nil
}

// Pods lists the addresses that are attached, those of an earlier run too.
func (n *Net) Pods() []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]netip.Addr, 0, len(n.pods))
	for a := range n.pods {
		out = append(out, a)
	}
	return out
}

// Teardown removes what the cell has made here: links (those of pods too),
// routes, its claim, and, if it is the last cell, the changed sysctls. It goes
// by the claim alone, of cfg it reads Cell, Owner and StateDir: a cell that was
// refused has no claim, and what lies in its ranges is another's. It needs no
// Net and may be repeated.
func Teardown(cfg Config) error {
	if cfg.StateDir == "" {
		return errNoStateDir
	}
	s, err := openClaims(cfg.StateDir)
	if err != nil {
		return err
	}
	defer s.Close()
	claims, err := s.list()
	if err != nil {
		return err
	}
	mine, held := claims[cfg.Cell]
	if !held || !mine.ours(cfg) {
		return nil
	}
	all, err := Whole(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("podnet: list this machine's links: %w", err)
	}
	for _, l := range all {
		if !strings.HasPrefix(l.Attrs().Name, mine.LinkPrefix+"-") {
			continue
		}
		if err := netlink.LinkDel(l); err != nil && !missingLink(err) {
			return fmt.Errorf("podnet: remove link %s: %w", l.Attrs().Name, err)
		}
	}
	routes, err := ourRoutes()
	if err != nil {
		return err
	}
	for _, r := range routes {
		to := prefix(r.Dst)
		if mine.PodRange.Overlaps(to) || mine.ServiceRange.Overlaps(to) {
			if err := netlink.RouteDel(&r); err != nil && !missingRoute(err) {
				return fmt.Errorf("podnet: remove route %v: %w", to, err)
			}
		}
	}
	if err := s.drop(cfg.Cell); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
