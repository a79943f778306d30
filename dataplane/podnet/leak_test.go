package podnet_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"cairn/dataplane/netnstest"
	"cairn/dataplane/nft"
	"cairn/dataplane/podnet"
	"cairn/dataplane/ruleset"
)

// shout sends a datagram and a connection attempt and does not wait.
func shout(t *testing.T, from netnstest.Space, addr string) {
	t.Helper()
	if c, err := netnstest.Dial(from, "udp", addr+":9", time.Second); err == nil {
		_, _ = c.Write([]byte("x")) // may be refused, which is fine
		_ = c.Close()
	}
	if c, err := netnstest.Dial(from, "tcp", net.JoinHostPort(addr, "80"), 150*time.Millisecond); err == nil {
		t.Errorf("somebody answered at %s", addr)
		_ = c.Close()
	}
}

func TestNothingLeavesByTheDefaultRoute(t *testing.T) {
	outside := connect(t)
	cfg := config(t)
	n := setup(t, cfg)
	pod := attach(t, n, "10.88.1.2")
	other := attach(t, n, "10.88.1.3")
	rules := ruleset.Config{
		Cell: cfg.Cell, LinkPrefix: cfg.LinkPrefix, PodRange: cfg.PodRange, ServiceRange: cfg.ServiceRange,
		NodeRange: cfg.NodeRange, NodeAddr: nodeAddr, NodeAddrs: []netip.Addr{nodeAddr}, LocalAddrs: cfg.LocalAddrs,
	}
	table, err := nft.Open(rules)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	defer table.Delete()
	vip := netip.MustParseAddr("10.89.0.77")
	full := ruleset.Compile(rules, []ruleset.Service{{Namespace: "d", Name: "s", VIP: vip, Ports: []ruleset.Port{
		{Protocol: ruleset.TCP, Port: 80, Endpoints: []netip.AddrPort{netip.MustParseAddrPort("10.88.3.9:80")}},
	}}})

	ear := netnstest.Listen(t, outside)
	// 10.88.3.9 is of another node that nobody knows; .1.77 of this node, without
	// a pod; .89.0.77 a service, .89.0.78 none.
	targets := []string{"10.88.3.9", "10.88.1.77", "10.89.0.77", "10.89.0.78"}
	try := func(what string, proof string) {
		t.Helper()
		var all sync.WaitGroup
		for _, from := range []netnstest.Space{machine, pod} {
			for _, to := range targets {
				all.Go(func() { shout(t, from, to) })
			}
		}
		all.Wait()
		// What is for the world is heard, and it was sent after the others.
		mark := netip.MustParseAddr(proof)
		for _, from := range []netnstest.Space{machine, pod} {
			if c, err := netnstest.Dial(from, "udp", proof+":9", time.Second); err == nil {
				_, _ = c.Write([]byte("x"))
				_ = c.Close()
			}
		}
		netnstest.Wait(t, soon, what+": the ear hears at all", func() error { return ear.HeardOf(mark) })
		if leaked, all := ear.Heard(cfg.PodRange, cfg.ServiceRange); leaked != 0 {
			t.Errorf("%s: %d of %d packets that left were for pods or services", what, leaked, all)
		}
	}
	try("nothing programmed yet", "198.51.100.1")
	if err := table.Apply(full); err != nil {
		t.Fatal(err)
	}
	try("rules in place", "198.51.100.2")
	if err := n.Detach(netip.MustParseAddr("10.88.1.3")); err != nil {
		t.Fatal(err)
	}
	other.Close()
	targets = append(targets, "10.88.1.3")
	try("a pod gone", "198.51.100.3")
	if err := table.Delete(); err != nil {
		t.Fatal(err)
	}
	try("table deleted", "198.51.100.4")
}

func TestTheBeltHoldsWhenAllRoutesAreLost(t *testing.T) {
	outside := connect(t)
	cfg := config(t)
	rules := ruleset.Config{
		Cell: cfg.Cell, LinkPrefix: cfg.LinkPrefix, PodRange: cfg.PodRange, ServiceRange: cfg.ServiceRange,
		NodeRange: cfg.NodeRange, NodeAddr: nodeAddr,
	}
	table, err := nft.Open(rules)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	defer table.Delete()
	if err := table.Apply(ruleset.Compile(rules, nil)); err != nil {
		t.Fatal(err)
	}
	ear := netnstest.Listen(t, outside)
	shout(t, machine, "10.88.1.77")
	shout(t, machine, "10.89.0.77")
	shout(t, machine, "198.51.100.9")
	netnstest.Wait(t, soon, "the ear hears at all", func() error { return ear.HeardOf(netip.MustParseAddr("198.51.100.9")) })
	if leaked, _ := ear.Heard(cfg.PodRange, cfg.ServiceRange); leaked != 0 {
		t.Errorf("%d packets left", leaked)
	}
	if err := table.Delete(); err != nil {
		t.Fatal(err)
	}
	shout(t, machine, "10.88.1.77") // the control: without the belt it leaves
	netnstest.Wait(t, soon, "the leak is seen without the belt", func() error {
		return ear.HeardOf(netip.MustParseAddr("10.88.1.77"))
	})
}

func TestOtherNodesPodsAreReachedDirectlyAndOverVXLAN(t *testing.T) {
	for _, c := range []struct {
		name string
		far  bool
	}{{"shared link", false}, {"over a router", true}} {
		t.Run(c.name, func(t *testing.T) {
			router := connect(t) // stands between if the other node is far
			node := netnstest.New(t)
			cfg, there := config(t), config(t)
			there.NodeRange, there.LocalAddrs = netip.MustParsePrefix("10.88.2.0/24"), nil
			if c.far {
				there.NodeAddr = netip.MustParseAddr("198.51.100.2")
				netnstest.Cable(t, router, "out1", netip.MustParsePrefix("198.51.100.1/24"), node, "up0", netip.PrefixFrom(there.NodeAddr, 24))
				netnstest.DefaultRoute(t, node, netip.MustParseAddr("198.51.100.1"))
				forward(t, router)
			} else {
				there.NodeAddr = netip.MustParseAddr("203.0.113.3")
				here := netip.MustParseAddr("203.0.113.2")
				netnstest.Cable(t, machine, "up1", netip.PrefixFrom(here, 24), node, "up0", netip.PrefixFrom(there.NodeAddr, 24))
				cfg.NodeAddr = here
			}
			n := setup(t, cfg)
			a := attach(t, n, "10.88.1.2")
			b := netnstest.New(t)
			err := node.Do(func() error {
				far, err := podnet.Setup(there)
				if err != nil {
					return err
				}
				if err := far.Attach(b.Path(), netip.MustParseAddr("10.88.2.2"), 0); err != nil {
					return err
				}
				return far.SetPeers([]podnet.Peer{{NodeAddr: cfg.NodeAddr, NodeRange: cfg.NodeRange}})
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := n.SetPeers([]podnet.Peer{{NodeAddr: there.NodeAddr, NodeRange: there.NodeRange}}); err != nil {
				t.Fatal(err)
			}
			netnstest.Serve(t, b, "tcp", "10.88.2.2:80", "b")
			netnstest.Serve(t, a, "tcp", "10.88.1.2:80", "a")
			if got := ask(t, a, "10.88.2.2:80", "b"); got.From.Addr().String() != "10.88.1.2" {
				t.Errorf("pod b saw %v", got.From)
			}
			ask(t, b, "10.88.1.2:80", "a")
			ask(t, machine, "10.88.2.2:80", "b")
			if did, err := n.Repair(); err != nil || len(did) != 0 {
				t.Errorf("repaired %q, %v though nothing was lost", did, err)
			}
		})
	}
}
