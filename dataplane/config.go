package dataplane

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cairn/dataplane/dns"
	"cairn/dataplane/podnet"
	"cairn/dataplane/ruleset"

	"github.com/vishvananda/netlink"
)

// What callers hand in, so that they import this package and ruleset only.
type (
	// Peer is another node of the cell.
	Peer = podnet.Peer
	// Ports is an inclusive range.
	Ports = podnet.Ports
	// Collision is the error that says what of a cell is taken already.
	Collision = podnet.Collision
	// Record is a service's names.
	Record = dns.Record
	// RecordPod is a pod of a headless service's Record.
	RecordPod = dns.Pod
	// RecordPort is a port of a Record.
	RecordPort = dns.Port
)

// Config of a node's dataplane. Two cells share a machine if Cell, LinkPrefix
// and the ranges differ; they share StateDir.
type Config struct {
	Cell       string
	Owner      string // distinguishes two cells of one name; see podnet.Config
	LinkPrefix string // 1 to 6 letters; links are called LinkPrefix-SOMETHING
	// PodRange and ServiceRange are the cell's, NodeRange is this node's share
	// of PodRange; its first address is for the node itself.
	PodRange, ServiceRange, NodeRange netip.Prefix
	// NodePorts are those that services may get; zero: not known.
	NodePorts Ports
	// NodeAddr is this machine's address, as other nodes reach it.
	NodeAddr netip.Addr
	// Loopback lets node ports answer on 127.0.0.1 as well; see podnet.Config.
	Loopback bool
	// StateDir remembers sysctls; /run/cairn/net if empty.
	StateDir string
	// DNSAddr, in ServiceRange, is where names are answered; the zero value
	// means no DNS. Zone is cluster.local if empty.
	DNSAddr netip.Addr
	Zone    string
	// Upstreams answer for other names; empty: those of ResolvConf, which is
	// /etc/resolv.conf if empty.
	Upstreams  []netip.AddrPort
	ResolvConf string
	// MTU of pods' links in bytes; 0 takes the machine's.
	MTU int
	// RepairEvery is how often the kernel is compared; a second if 0.
	RepairEvery time.Duration
	// OnRepair gets, in words, what was found broken and was put back.
	OnRepair func(what string)
	// Log may be nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.StateDir == "" {
		c.StateDir = "/run/cairn/net"
	}
	if c.ResolvConf == "" {
		c.ResolvConf = "/etc/resolv.conf"
	}
	if c.RepairEvery == 0 {
		c.RepairEvery = time.Second
	}
	if c.OnRepair == nil {
		c.OnRepair = func(string) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) locals() []netip.Addr {
	if !c.DNSAddr.IsValid() {
		return nil
	}
	return []netip.Addr{c.DNSAddr}
}

func (c Config) podnet() podnet.Config {
	return podnet.Config{
		Cell: c.Cell, Owner: c.Owner, LinkPrefix: c.LinkPrefix, PodRange: c.PodRange, NodeRange: c.NodeRange, ServiceRange: c.ServiceRange,
		NodePorts: c.NodePorts, NodeAddr: c.NodeAddr, LocalAddrs: c.locals(), StateDir: c.StateDir, MTU: c.MTU, Loopback: c.Loopback,
	}
}

func (c Config) ruleset() ruleset.Config {
	return ruleset.Config{
		Cell: c.Cell, LinkPrefix: c.LinkPrefix, PodRange: c.PodRange, NodeRange: c.NodeRange, ServiceRange: c.ServiceRange,
		NodeAddr: c.NodeAddr, LocalAddrs: c.locals(),
	}
}

// nodeAddrs are the machine's addresses on which node ports answer: all but
// those on this cell's own links.
func (c Config) nodeAddrs() ([]netip.Addr, error) {
	list, err := podnet.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("dataplane: list this machine's addresses: %w", err)
	}
	links, err := podnet.Whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("dataplane: list this machine's links: %w", err)
	}
	own := map[int]bool{}
	for _, l := range links {
		own[l.Attrs().Index] = strings.HasPrefix(l.Attrs().Name, c.LinkPrefix+"-")
	}
	var out []netip.Addr
	for _, a := range list {
		ip, ok := netip.AddrFromSlice(a.IP.To4())
		if ok && !own[a.LinkIndex] && (c.Loopback || !ip.IsLoopback()) {
			out = append(out, ip)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out), nil
}
