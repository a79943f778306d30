package podnet_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"cairn/dataplane/podnet"

	"github.com/vishvananda/netlink"
)

func TestCollidingRangesAreRefusedByName(t *testing.T) {
	connect(t)
	for _, c := range []struct {
		name   string
		change func(*podnet.Config)
		want   []string
	}{
		{"pods", func(c *podnet.Config) {
			c.PodRange, c.NodeRange = netip.MustParsePrefix("192.0.0.0/16"), netip.MustParsePrefix("192.0.3.0/24")
		}, []string{"pod range 192.0.0.0/16", "192.0.2.0/24", "up0", "--pod-range"}},
		{"services", func(c *podnet.Config) {
			c.ServiceRange, c.LocalAddrs = netip.MustParsePrefix("192.0.2.128/25"), nil
		}, []string{"service range 192.0.2.128/25", "192.0.2.0/24", "--service-range"}},
		{"no such address", func(c *podnet.Config) { c.NodeAddr = netip.MustParseAddr("192.0.2.99") },
			[]string{"192.0.2.99", "not an address of this machine"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t)
			c.change(&cfg)
			_, err := podnet.Setup(cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not name %q", err, w)
				}
			}
			if _, err := netlink.LinkByName("cn1-br"); err == nil {
				t.Error("something was made though the range was refused")
			}
		})
	}
}

func TestTwoCellsShareAMachineAndTheLastOneCleansUp(t *testing.T) {
	connect(t)
	forward := func() string {
		b, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	// A new namespace takes the machine's own setting over, which may be on.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	one, two := config(t), config(t)
	two.StateDir, two.Cell, two.LocalAddrs = one.StateDir, "other", nil
	setup(t, one)
	if _, err := podnet.Setup(two); err == nil || !strings.Contains(err.Error(), `"demo"`) {
		t.Fatalf("a second cell with the same prefix: %v", err)
	}
	two.LinkPrefix = "cn2"
	if _, err := podnet.Setup(two); err == nil || !strings.Contains(err.Error(), `cell "demo"`) {
		t.Fatalf("a second cell with the same ranges: %v", err)
	}
	two.PodRange, two.NodeRange = netip.MustParsePrefix("10.98.0.0/16"), netip.MustParsePrefix("10.98.1.0/24")
	two.ServiceRange = netip.MustParsePrefix("10.99.0.0/16")
	n := setup(t, two)
	attach(t, n, "10.98.1.2")
	if err := podnet.Teardown(one); err != nil {
		t.Fatal(err)
	}
	if forward() != "1" {
		t.Fatal("the first cell to leave switched forwarding off under the other")
	}
	if err := podnet.Teardown(two); err != nil {
		t.Fatal(err)
	}
	if forward() != "0" {
		t.Fatal("the last cell left forwarding on")
	}
	links, err := podnet.Whole(netlink.LinkList)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, "cn") {
			t.Errorf("link %s is left", l.Attrs().Name)
		}
	}
	left, err := os.ReadDir(one.StateDir)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the state directory: %v, %v", left, err)
	}
}

func TestARefusedCellTakesNothingFromTheOneThatRuns(t *testing.T) {
	connect(t)
	one := config(t)
	one.Owner, one.NodePorts = "/var/lib/one", podnet.Ports{Low: 30000, High: 32767}
	n := setup(t, one)
	attach(t, n, "10.88.1.2")
	before := routes(t)
	for _, c := range []struct {
		name, flag string
		change     func(*podnet.Config)
		refused    bool // by Setup too
	}{
		{"its prefix", "--name", func(c *podnet.Config) { c.Cell = "other" }, true},
		{"its ranges", "--pod-range", func(c *podnet.Config) { c.Cell, c.LinkPrefix = "other", "cn2" }, true},
		{"its name", "--name", func(c *podnet.Config) { c.Owner, c.LinkPrefix = "/var/lib/two", "cn2" }, true},
		{"its node ports", "--node-ports", func(c *podnet.Config) {
			c.Cell, c.LinkPrefix, c.LocalAddrs, c.NodePorts = "other", "cn2", nil, podnet.Ports{Low: 32767, High: 33000}
			c.PodRange, c.ServiceRange = netip.MustParsePrefix("10.98.0.0/16"), netip.MustParsePrefix("10.99.0.0/16")
		}, false},
	} {
		two := one
		c.change(&two)
		var taken *podnet.Collision
		if err := podnet.Check(two); !errors.As(err, &taken) || taken.Flag != c.flag {
			t.Errorf("%s: Check says %v; want a collision that names %s", c.name, err, c.flag)
		}
		if !c.refused {
			continue
		}
		if _, err := podnet.Setup(two); !errors.As(err, &taken) || taken.Flag != c.flag {
			t.Errorf("%s: Setup says %v; want a collision that names %s", c.name, err, c.flag)
		}
		if err := podnet.Teardown(two); err != nil {
			t.Error(err)
		}
	}
	if now := routes(t); now != before {
		t.Errorf("routes now:\n%s\nbefore:\n%s", now, before)
	}
	if did, err := n.Repair(); err != nil || len(did) > 0 {
		t.Errorf("the running cell had to repair %q (%v)", did, err)
	}
	if owner, held, err := podnet.Held(one.StateDir, "demo"); owner != "/var/lib/one" || !held || err != nil {
		t.Errorf("its claim: %q, %t, %v", owner, held, err)
	}
	if err := podnet.Check(one); err != nil {
		t.Errorf("the running cell collides with itself: %v", err)
	}
	empty := t.TempDir()
	if _, held, err := podnet.Held(empty, "demo"); held || err != nil {
		t.Errorf("a claim elsewhere: %t, %v", held, err)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("to ask left %v, %v", left, err)
	}
}

// routes are those of this network namespace, as one text.
func routes(t *testing.T) string {
	t.Helper()
	list, err := podnet.Whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}
