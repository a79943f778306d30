package nft_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"cairn/dataplane/netnstest"
	"cairn/dataplane/nft"
	"cairn/dataplane/ruleset"
	"cairn/dataplane/rulesettest"

	"github.com/google/nftables"
)

// many makes n services of one port with so many endpoints each.
func many(n, endpoints int) []ruleset.Service {
	out := make([]ruleset.Service, n)
	for i := range out {
		p := ruleset.Port{Protocol: ruleset.TCP, Port: 80, NodePort: uint16(1 + i)}
		for e := range endpoints {
			p.Endpoints = append(p.Endpoints, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 88, byte(i), byte(e)}), uint16(8000+i%7)))
		}
		out[i] = ruleset.Service{
			Namespace: "d", Name: fmt.Sprintf("s%05d", i), VIP: netip.AddrFrom4([4]byte{10, 89, byte(i >> 8), byte(i)}), Ports: []ruleset.Port{p},
		}
	}
	return out
}

func node(t testing.TB) ruleset.Config {
	t.Helper()
	cfg, err := rulesettest.Node(podWords)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// whole makes Verify look at every element, whatever the generation says.
func whole(t testing.TB, table *nft.Table) error {
	t.Helper()
	c := &nftables.Conn{}
	c.DelTable(c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "somebody"}))
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return table.Verify()
}

func TestStepByStepEqualsAtOnceInTheKernel(t *testing.T) {
	cfg := node(t)
	table := open(t, cfg)
	text := []string{
		"",
		"d/a 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:80 10.88.1.3:80",
		"d/a 10.89.0.1 tcp/80 sticky=1h node=30080 -> 10.88.1.2:80 10.88.1.4:80\nd/b 10.89.0.2 udp/53 -> 10.88.1.3:53",
		"d/a 10.89.0.1 tcp/80 -> 10.88.1.4:80 10.88.1.2:80 10.88.1.3:80\nd/b 10.89.0.2 udp/53",
		"d/c 10.89.0.9 tcp/80 node=30080 -> 10.88.1.4:80",
	}
	for i, step := range text {
		services, err := rulesettest.Services(step)
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			cfg.LocalPods = cfg.LocalPods[1:]
		}
		if err := table.Apply(ruleset.Compile(cfg, services)); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if err := table.Verify(); err != nil {
			t.Fatalf("step %d, by generation: %v", i, err)
		}
		if err := whole(t, table); err != nil {
			t.Fatalf("step %d, by every element: %v", i, err)
		}
	}
}

func TestNoElementIsLostBeyondOneMessage(t *testing.T) {
	cfg := node(t)
	table := open(t, cfg)
	for _, endpoints := range []int{3, 2} { // 6,000 elements by fill, then 5,000 by change
		if err := table.Apply(ruleset.Compile(cfg, many(2000, endpoints))); err != nil {
			t.Fatal(err)
		}
		if err := whole(t, table); err != nil {
			t.Fatal(err)
		}
	}
}

var own = &nftables.Table{Family: nftables.TableFamilyIPv4, Name: "cairn-demo"}

// damages are ways to break our table, each queued on c.
func damages(c *nftables.Conn) map[string]func() error {
	set := func(name string) *nftables.Set { return &nftables.Set{Table: own, Name: name} }
	return map[string]func() error{
		"table deleted": func() error { c.DelTable(own); return nil },
		"rules flushed": func() error { c.FlushTable(own); return nil },
		"rule deleted": func() error {
			in := &nftables.Chain{Name: ruleset.BeltChain, Table: own}
			rules, err := c.GetRules(own, in)
			if err != nil {
				return err
			}
			return c.DelRule(rules[3])
		},
		"set flushed":      func() error { c.FlushSet(set("vips")); return nil },
		"dispatch flushed": func() error { c.FlushSet(set("dispatch")); return nil },
		"element added": func() error {
			return c.SetAddElements(set("local"), []nftables.SetElement{{Key: []byte{10, 89, 9, 9}}})
		},
		"element swapped": func() error {
			if err := c.SetDeleteElements(set("local"), []nftables.SetElement{{Key: []byte{10, 89, 0, 10}}}); err != nil {
				return err
			}
			return c.SetAddElements(set("local"), []nftables.SetElement{{Key: []byte{10, 89, 9, 9}}})
		},
	}
}

func TestDamageIsSeenAndForeignTablesAreLeftAlone(t *testing.T) {
	cfg := node(t)
	table := open(t, cfg)
	rules := ruleset.Compile(cfg, many(3, 2))
	c := &nftables.Conn{}
	foreign := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "theirs"})
	chain := c.AddChain(&nftables.Chain{Name: "theirs", Table: foreign})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.DelTable(foreign)
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
	})
	for what, damage := range damages(c) {
		t.Run(what, func(t *testing.T) {
			if err := table.Apply(rules); err != nil {
				t.Fatal(err)
			}
			if err := whole(t, table); err != nil {
				t.Fatal(err)
			}
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := table.Verify(); !errors.Is(err, nft.ErrDamaged) {
				t.Fatalf("verify says %v", err)
			}
			if err := table.Apply(rules); err != nil {
				t.Fatal(err)
			}
			if err := whole(t, table); err != nil {
				t.Fatal(err)
			}
		})
	}
	// A change of ours over damage that nobody has seen yet succeeds, too.
	c.DelTable(own)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := table.Apply(ruleset.Compile(cfg, many(4, 2))); err != nil {
		t.Fatal(err)
	}
	if err := whole(t, table); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListChain(foreign, chain.Name); err != nil {
		t.Errorf("the foreign table's chain: %v", err)
	}
}

func TestAnOlderFormatsTableIsMadeAnew(t *testing.T) {
	cfg := node(t)
	c := &nftables.Conn{}
	c.AddChain(&nftables.Chain{Name: "lb-2", Table: c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "cairn-demo"})})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	table := open(t, cfg)
	if there, err := table.Exists(); err != nil || !there {
		t.Fatalf("exists: %v, %v", there, err)
	}
	if err := table.Apply(ruleset.Compile(cfg, many(2, 2))); err != nil {
		t.Fatal(err)
	}
	if err := whole(t, table); err != nil {
		t.Fatal(err)
	}
}

func TestClientsStickUntilTheirEndpointGoes(t *testing.T) {
	c := newCell(t)
	c.serve(t, "tcp", "8080")
	three := "d/web 10.89.0.1 tcp/80 node=30080 sticky=1h -> 10.88.1.2:8080 10.88.1.3:8080 10.88.1.4:8080"
	c.apply(t, three)
	same := func(who netnstest.Space, addrs ...string) string {
		t.Helper()
		first := ""
		for i := range 12 {
			got, err := netnstest.Ask(who, "tcp", addrs[i%len(addrs)], soon)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = got.Name
			}
			if got.Name != first {
				t.Fatalf("answered by %s, then by %s", first, got.Name)
			}
		}
		return first
	}
	had := same(c.pods["10.88.1.4"], "10.89.0.1:80", "192.0.2.2:30080")
	rest := "d/web 10.89.0.1 tcp/80 node=30080 sticky=1h ->"
	for _, e := range c.cfg.LocalPods {
		if e.String() != had {
			rest += " " + e.String() + ":8080"
		}
	}
	c.apply(t, rest)
	if now := same(c.pods["10.88.1.4"], "10.89.0.1:80"); now == had {
		t.Fatalf("still answered by %s, which is out", had)
	}
}

func TestUDPClientMovesWhenItsEndpointGoes(t *testing.T) {
	c := newCell(t)
	c.serve(t, "udp", "8053")
	c.apply(t, "d/dns 10.89.0.1 udp/53 node=30053 -> 10.88.1.2:8053")
	// Clients that never change their port, over both ways in.
	clients := map[string]netnstest.Space{"10.89.0.1:53": c.pods["10.88.1.4"], "192.0.2.2:30053": c.stranger}
	for addr, from := range clients {
		conn, err := netnstest.Dial(from, "udp", addr, soon)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c.apply(t, "d/dns 10.89.0.1 udp/53 node=30053 -> 10.88.1.2:8053")
		if got, err := netnstest.AskOn(conn, soon); err != nil || got.Name != "10.88.1.2" {
			t.Fatalf("%+v, %v", got, err)
		}
		c.apply(t, "d/dns 10.89.0.1 udp/53 node=30053 -> 10.88.1.3:8053")
		netnstest.Wait(t, soon, "the client is answered by the other one", func() error {
			got, err := netnstest.AskOn(conn, 300*time.Millisecond)
			if err == nil && got.Name != "10.88.1.3" {
				err = fmt.Errorf("answered by %s", got.Name)
			}
			return err
		})
	}
}

func BenchmarkFill10kServices(b *testing.B) {
	cfg := node(b)
	rules := ruleset.Compile(cfg, many(10_000, 10))
	for b.Loop() {
		b.StopTimer()
		table := open(b, cfg)
		if err := table.Delete(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := table.Apply(rules); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSwapOneEndpointOf10kServices(b *testing.B) {
	cfg := node(b)
	services := many(10_000, 10)
	rules := []ruleset.Ruleset{ruleset.Compile(cfg, services)}
	services[77].Ports[0].Endpoints[3] = netip.MustParseAddrPort("10.88.9.9:9")
	rules = append(rules, ruleset.Compile(cfg, services))
	table := open(b, cfg)
	if err := table.Apply(rules[0]); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		if err := table.Apply(rules[i%2]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify10kServicesUnchanged(b *testing.B) {
	cfg := node(b)
	table := open(b, cfg)
	if err := table.Apply(ruleset.Compile(cfg, many(10_000, 10))); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := table.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}
