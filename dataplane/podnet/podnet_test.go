package podnet_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"cairn/dataplane/netnstest"
	"cairn/dataplane/podnet"

	"github.com/vishvananda/netlink"
)

func TestMain(m *testing.M) { netnstest.Main(m) }

var (
	machine  netnstest.Space // the namespace of this process
	nodeAddr = netip.MustParseAddr("192.0.2.2")
	router   = netip.MustParseAddr("192.0.2.1")
)

const soon = 3 * time.Second

// connect gives the machine a link with a default route over it, and returns
// what is at its other end.
func connect(t *testing.T) netnstest.Space {
	t.Helper()
	outside := netnstest.New(t)
	netnstest.Cable(t, machine, "up0", netip.PrefixFrom(nodeAddr, 24), outside, "out0", netip.PrefixFrom(router, 24))
	netnstest.DefaultRoute(t, machine, router)
	return outside
}

func config(t *testing.T) podnet.Config {
	return podnet.Config{
		Cell: "demo", LinkPrefix: "cn1", NodeAddr: nodeAddr, StateDir: t.TempDir(),
		PodRange:     netip.MustParsePrefix("10.88.0.0/16"),
		NodeRange:    netip.MustParsePrefix("10.88.1.0/24"),
		ServiceRange: netip.MustParsePrefix("10.89.0.0/16"),
		LocalAddrs:   []netip.Addr{netip.MustParseAddr("10.89.0.10")},
	}
}

func setup(t *testing.T, cfg podnet.Config) *podnet.Net {
	t.Helper()
	t.Cleanup(func() {
		if err := podnet.Teardown(cfg); err != nil {
			t.Error(err)
		}
	})
	n, err := podnet.Setup(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func attach(t *testing.T, n *podnet.Net, addr string) netnstest.Space {
	t.Helper()
	pod := netnstest.New(t)
	if err := n.Attach(pod.Path(), netip.MustParseAddr(addr), 0); err != nil {
		t.Fatal(err)
	}
	return pod
}

func ask(t *testing.T, from netnstest.Space, addr, want string) netnstest.Answer {
	t.Helper()
	got, err := netnstest.Ask(from, "tcp", addr, soon)
	if err != nil || got.Name != want {
		t.Fatalf("asked %s: %+v, %v; want %s", addr, got, err, want)
	}
	return got
}

func TestPodsReachEachOtherAndTheMachine(t *testing.T) {
	connect(t)
	n := setup(t, config(t))
	a, b := attach(t, n, "10.88.1.2"), attach(t, n, "10.88.1.3")
	netnstest.Serve(t, a, "tcp", "10.88.1.2:80", "a")
	netnstest.Serve(t, b, "tcp", "0.0.0.0:80", "b")
	netnstest.Serve(t, machine, "tcp", "10.89.0.10:53", "machine")

	if got := ask(t, a, "10.88.1.3:80", "b"); got.From.Addr().String() != "10.88.1.2" {
		t.Errorf("pod b saw %v: pods see each other's own addresses", got.From)
	}
	ask(t, b, "10.88.1.2:80", "a")
	ask(t, b, "10.89.0.10:53", "machine")
	if got := ask(t, machine, "10.88.1.3:80", "b"); got.From.Addr() != nodeAddr {
		t.Errorf("pod b saw the machine as %v, want %v", got.From, nodeAddr)
	}
}

func TestAPodsFirstPacketIsNotLost(t *testing.T) {
	connect(t)
	n := setup(t, config(t))
	for i := range 12 {
		pod := attach(t, n, fmt.Sprintf("10.88.1.%d", 10+i))
		began := time.Now()
		_, err := netnstest.Dial(pod, "tcp", "192.0.2.2:1", soon) // nobody listens: refused at once
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Since(began) > 800*time.Millisecond {
			t.Fatalf("pod %d: %v after %v", i, err, time.Since(began))
		}
	}
}

func TestAttachMayBeRepeatedAndReplacesAnEarlierPod(t *testing.T) {
	connect(t)
	cfg := config(t)
	n := setup(t, cfg)
	old := attach(t, n, "10.88.1.2")
	netnstest.Serve(t, old, "tcp", "10.88.1.2:80", "old")
	c, err := netnstest.Dial(machine, "tcp", "10.88.1.2:80", soon)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := n.Attach(old.Path(), netip.MustParseAddr("10.88.1.2"), 0); err != nil {
		t.Fatal(err)
	}
	if got, err := netnstest.AskOn(c, soon); err != nil || got.Name != "old" {
		t.Fatalf("a repeated attach broke a connection: %+v, %v", got, err)
	}

	// A daemon that comes back finds the pods of its predecessor.
	again, err := podnet.Setup(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Pods(); !slices.Equal(got, []netip.Addr{netip.MustParseAddr("10.88.1.2")}) {
		t.Fatalf("adopted pods %v", got)
	}
	// The old pod's namespace still lives when another pod gets its address.
	if err := again.Detach(netip.MustParseAddr("10.88.1.2")); err != nil {
		t.Fatal(err)
	}
	pod := attach(t, again, "10.88.1.2")
	netnstest.Serve(t, pod, "tcp", "10.88.1.2:80", "new")
	ask(t, machine, "10.88.1.2:80", "new")
}

func TestDetachedPodsLinkIsRemovedThoughItsNamespaceLives(t *testing.T) {
	connect(t)
	n := setup(t, config(t))
	attach(t, n, "10.88.1.2")
	if err := n.Detach(netip.MustParseAddr("10.88.1.2")); err != nil {
		t.Fatal(err)
	}
	if _, err := netnstest.Dial(machine, "tcp", "10.88.1.2:80", soon); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Fatalf("the route is still there: %v", err)
	}
	if _, err := n.Repair(); err != nil {
		t.Fatal(err)
	}
	if _, err := netlink.LinkByName("cn1-0a580102"); err == nil {
		t.Fatal("the link is still there")
	}
}

func TestRepairPutsBackWhatWasLost(t *testing.T) {
	connect(t)
	n := setup(t, config(t))
	attach(t, n, "10.88.1.2")
	if did, err := n.Repair(); err != nil || len(did) != 0 {
		t.Fatalf("repaired %q, %v though nothing was lost", did, err)
	}
	peer := podnet.Peer{NodeAddr: netip.MustParseAddr("192.0.2.7"), NodeRange: netip.MustParsePrefix("10.88.7.0/24")}
	if err := n.SetPeers([]podnet.Peer{peer}); err != nil {
		t.Fatal(err)
	}
	routes := func() []string {
		list, err := podnet.Whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range list {
			if r.Protocol == 202 {
				out = append(out, r.String())
			}
		}
		slices.Sort(out)
		return out
	}
	before := routes()
	if len(before) != 5 {
		t.Fatalf("routes %q, want two unreachable ones, the services', a pod's, a peer's", before)
	}
	list, err := podnet.Whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Protocol == 202 {
			if err := netlink.RouteDel(&r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	did, err := n.Repair()
	if err != nil || len(did) != 6 {
		t.Fatalf("repaired %q, %v; want five routes and a sysctl", did, err)
	}
	if after := routes(); !slices.Equal(before, after) {
		t.Fatalf("routes were\n%q, are\n%q", before, after)
	}
	bridge, err := netlink.LinkByName("cn1-br")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkDel(bridge); err != nil {
		t.Fatal(err)
	}
	if did, err := n.Repair(); err != nil || len(did) != 3 {
		t.Fatalf("repaired %q, %v; want bridge, address and route", did, err)
	}
}

func forward(t *testing.T, s netnstest.Space) {
	t.Helper()
	err := s.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644) })
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAttach(b *testing.B) {
	outside := netnstest.New(b)
	netnstest.Cable(b, machine, "up0", netip.PrefixFrom(nodeAddr, 24), outside, "out0", netip.PrefixFrom(router, 24))
	cfg := podnet.Config{
		Cell: "demo", LinkPrefix: "cn1", NodeAddr: nodeAddr, StateDir: b.TempDir(),
		PodRange: netip.MustParsePrefix("10.88.0.0/16"), NodeRange: netip.MustParsePrefix("10.88.0.0/16"),
		ServiceRange: netip.MustParsePrefix("10.89.0.0/16"),
	}
	n, err := podnet.Setup(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := podnet.Teardown(cfg); err != nil {
			b.Error(err)
		}
	})
	i := 256
	for b.Loop() {
		b.StopTimer()
		pod := netnstest.New(b)
		i++
		b.StartTimer()
		if err := n.Attach(pod.Path(), netip.AddrFrom4([4]byte{10, 88, byte(i >> 8), byte(i)}), 0); err != nil {
			b.Fatal(err)
		}
	}
}
