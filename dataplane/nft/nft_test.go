package nft_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cairn/dataplane/netnstest"
	"cairn/dataplane/nft"
	"cairn/dataplane/podnet"
	"cairn/dataplane/ruleset"
	"cairn/dataplane/rulesettest"
	"cairn/dataplane/trace"
)

func TestMain(m *testing.M) { netnstest.Main(m) }

const soon = 3 * time.Second

// cell is a machine with three pods, another node with a fourth on the shared
// link, and a stranger there.
type cell struct {
	cfg      ruleset.Config
	table    *nft.Table
	net      *podnet.Net
	machine  netnstest.Space
	stranger netnstest.Space
	pods     map[string]netnstest.Space // by address; the fourth is remote
}

const podWords = "pods=10.88.1.2,10.88.1.3,10.88.1.4 peers=10.88.2.0/24 local=10.89.0.10"

func newCell(t testing.TB) *cell {
	t.Helper()
	cfg, err := rulesettest.Node(podWords + " nodes=192.0.2.2,127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	c := &cell{cfg: cfg, stranger: netnstest.New(t), pods: map[string]netnstest.Space{}}
	node := netnstest.New(t)
	// The stranger's side of the shared link passes frames for the other node.
	there := netip.MustParseAddr("203.0.113.3")
	netnstest.Cable(t, c.machine, "up0", netip.PrefixFrom(cfg.NodeAddr, 24), c.stranger, "out0", netip.MustParsePrefix("192.0.2.1/24"))
	netnstest.DefaultRoute(t, c.machine, netip.MustParseAddr("192.0.2.1"))
	netnstest.Cable(t, c.machine, "up1", netip.MustParsePrefix("203.0.113.2/24"), node, "up0", netip.PrefixFrom(there, 24))
	netnstest.DefaultRoute(t, node, netip.MustParseAddr("203.0.113.2"))
	here := podnet.Config{
		Cell: cfg.Cell, LinkPrefix: cfg.LinkPrefix, PodRange: cfg.PodRange, NodeRange: cfg.NodeRange,
		ServiceRange: cfg.ServiceRange, NodeAddr: cfg.NodeAddr, LocalAddrs: cfg.LocalAddrs, StateDir: t.TempDir(), Loopback: true,
	}
	t.Cleanup(func() {
		if err := podnet.Teardown(here); err != nil {
			t.Error(err)
		}
	})
	if c.net, err = podnet.Setup(here); err != nil {
		t.Fatal(err)
	}
	for _, a := range cfg.LocalPods {
		c.pods[a.String()] = netnstest.New(t)
		if err := c.net.Attach(c.pods[a.String()].Path(), a, 0); err != nil {
			t.Fatal(err)
		}
	}
	far := netnstest.New(t)
	c.pods["10.88.2.3"] = far
	err = node.Do(func() error {
		other := here
		other.NodeAddr, other.NodeRange, other.LocalAddrs = there, cfg.Peers[0], nil
		n, err := podnet.Setup(other)
		if err != nil {
			return err
		}
		if err := n.Attach(far.Path(), netip.MustParseAddr("10.88.2.3"), 0); err != nil {
			return err
		}
		return n.SetPeers([]podnet.Peer{{NodeAddr: netip.MustParseAddr("203.0.113.2"), NodeRange: cfg.NodeRange}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.net.SetPeers([]podnet.Peer{{NodeAddr: there, NodeRange: cfg.Peers[0]}}); err != nil {
		t.Fatal(err)
	}
	c.table = open(t, cfg)
	return c
}

func open(t testing.TB, cfg ruleset.Config) *nft.Table {
	t.Helper()
	table, err := nft.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Delete(); err != nil {
			t.Error(err)
		}
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

// serve makes every pod answer with its own address.
func (c *cell) serve(t testing.TB, network, port string) {
	t.Helper()
	for addr, pod := range c.pods {
		netnstest.Serve(t, pod, network, "0.0.0.0:"+port, addr)
	}
}

func (c *cell) apply(t testing.TB, text string) ruleset.Ruleset {
	t.Helper()
	services, err := rulesettest.Services(text)
	if err != nil {
		t.Fatal(err)
	}
	rules := ruleset.Compile(c.cfg, services)
	if err := c.table.Apply(rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

// asker is who sends, with the packet a tracer sees of it.
type asker struct {
	name   string
	space  netnstest.Space
	packet trace.Packet
}

func (c *cell) askers() []asker {
	from := func(s string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(s), 1) }
	return []asker{
		{"machine", c.machine, trace.Packet{Local: true, Source: from("192.0.2.2")}},
		{"pod behind it", c.pods["10.88.1.2"], trace.Packet{In: "cn1-0a580102", Source: from("10.88.1.2")}},
		{"other pod", c.pods["10.88.1.4"], trace.Packet{In: "cn1-0a580104", Source: from("10.88.1.4")}},
		{"stranger", c.stranger, trace.Packet{In: "up0", Source: from("192.0.2.1")}},
	}
}

func TestKernelAgreesWithTrace(t *testing.T) {
	c := newCell(t)
	rules := c.apply(t, `
		d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080 10.88.1.3:8080 10.88.2.3:8080
		d/one 10.89.0.3 udp/53 node=30053 -> 10.88.1.2:8053
		d/own 10.89.0.4 tcp/443 -> 192.0.2.2:6443
		d/idle 10.89.0.2 tcp/80 node=30081
		d/idle 10.89.0.2 udp/80`)
	c.serve(t, "tcp", "8080")
	c.serve(t, "udp", "8053")
	netnstest.Serve(t, c.machine, "tcp", "192.0.2.2:6443", "192.0.2.2")
	netnstest.Serve(t, c.machine, "tcp", "10.89.0.10:53", "10.89.0.10")

	targets := []string{
		"tcp 10.89.0.1:80", "tcp 192.0.2.2:30080", "udp 10.89.0.3:53", "udp 192.0.2.2:30053", "tcp 10.89.0.4:443",
		"tcp 10.89.0.2:80", "udp 10.89.0.2:80", "tcp 192.0.2.2:30081", "tcp 10.89.0.1:81", "udp 10.89.0.1:80",
		"tcp 10.89.0.77:80", "tcp 10.89.0.10:53", "tcp 10.88.1.3:8080", "tcp 10.88.1.99:80",
	}
	for _, who := range c.askers() {
		for _, target := range targets {
			network, to, _ := strings.Cut(target, " ")
			if who.name == "stranger" && !strings.HasPrefix(to, "192.0.2.2") {
				continue // it has no route to the others
			}
			t.Run(who.name+" to "+target, func(t *testing.T) {
				p := who.packet
				p.Protocol, p.To = rulesettest.Protocol(network), netip.MustParseAddrPort(to)
				want := expectations(trace.New(rules), p)
				seen := map[string]bool{}
				for range 60 {
					got := observe(who.space, network, to)
					if !slices.Contains(want, got) {
						t.Fatalf("the kernel: %s; trace: %q", got, want)
					}
					if seen[got] = true; len(seen) == len(want) {
						return
					}
				}
				t.Fatalf("of %q, the kernel did only %v in 60 tries", want, seen)
			})
		}
	}
}

// expectations are what the tracer says whatever is drawn, in the words of observe.
func expectations(tr *trace.Tracer, p trace.Packet) []string {
	var out []string
	for random := range uint32(6) {
		p.Random = random
		r := tr.Trace(p)
		word := "refused"
		switch r.Fate {
		case trace.Sent, trace.Delivered:
			source := p.Source.Addr()
			if r.Source.IsValid() {
				source = r.Source
			}
			if r.Masqueraded || (p.Local && r.Link == trace.SharedLink) {
				source = netip.MustParseAddr("203.0.113.2") // the shared link's
			}
			word = fmt.Sprintf("%v from %v", r.To.Addr(), source)
			if p.Local && r.Fate == trace.Delivered && !r.Redirected {
				word = fmt.Sprintf("%v from %v", r.To.Addr(), r.To.Addr()) // loopback traffic has one address
			}
		case trace.Unrouted:
			word = "no route"
		}
		if !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// observe asks for real.
func observe(from netnstest.Space, network, to string) string {
	got, err := netnstest.Ask(from, network, to, soon)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPERM):
		return "refused" // EPERM: a datagram of this machine, rejected before it left
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no route"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("%s from %v", got.Name, got.From.Addr())
}

func TestNodePortAnswersOnTheLoopbackWhenAskedFor(t *testing.T) {
	c := newCell(t)
	c.apply(t, "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080 10.88.2.3:8080")
	c.serve(t, "tcp", "8080")
	seen := map[string]bool{}
	netnstest.Wait(t, soon, "the local endpoint answers on 127.0.0.1", func() error {
		got, err := netnstest.Ask(c.machine, "tcp", "127.0.0.1:30080", 200*time.Millisecond)
		if err != nil {
			return err
		}
		if seen[got.Name] = true; !seen["10.88.1.2"] {
			return fmt.Errorf("only %v so far", seen)
		}
		if got.Name == "10.88.1.2" && got.From.Addr() != c.cfg.NodeAddr {
			t.Fatalf("the pod saw %v", got.From)
		}
		return nil
	})
	// What makes that possible must not open the loopback to pods.
	netnstest.Serve(t, c.machine, "tcp", "127.0.0.1:7777", "secret")
	for _, pod := range c.pods {
		if got, err := netnstest.Ask(pod, "tcp", "127.0.0.1:7777", 200*time.Millisecond); err == nil {
			t.Fatalf("a pod reached the machine's loopback: %+v", got)
		}
	}
}
