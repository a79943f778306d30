package ruleset_test

import (
	"math/rand"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cairn/dataplane/ruleset"
	"cairn/dataplane/rulesettest"

	"github.com/cockroachdb/datadriven"
)

// TestScenarios runs the files of testdata: "node" sets the node, "services"
// replaces the services and prints what changes, "show" prints all in words.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		cfg, err := rulesettest.Node("")
		if err != nil {
			t.Fatal(err)
		}
		var services []ruleset.Service
		now := ruleset.Compile(cfg, nil)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "node":
				if cfg, err = rulesettest.Node(strings.ReplaceAll(d.Input, "\n", " ")); err != nil {
					return err.Error() + "\n"
				}
			case "services":
				if services, err = rulesettest.Services(d.Input); err != nil {
					return err.Error() + "\n"
				}
			case "show":
				return now.Words()
			default:
				t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			}
			next := ruleset.Compile(cfg, services)
			var w strings.Builder
			for _, op := range ruleset.Diff(now, next) {
				w.WriteString(op.String() + "\n")
			}
			now = next
			return w.String()
		})
	})
}

// some makes services at random; equal seeds make equal ones.
func some(r *rand.Rand, n int) []ruleset.Service {
	var out []ruleset.Service
	for i := range n {
		s := ruleset.Service{Namespace: "d", Name: string(rune('a' + i)), VIP: netip.AddrFrom4([4]byte{10, 89, 0, byte(r.Intn(8))})}
		if r.Intn(3) == 0 {
			s.Sticky = time.Duration(r.Intn(3)) * time.Hour
		}
		for range 1 + r.Intn(2) {
			p := ruleset.Port{Protocol: []uint8{ruleset.TCP, ruleset.UDP}[r.Intn(2)], Port: uint16(80 + r.Intn(3)), NodePort: uint16(r.Intn(3)) * 30000}
			for range r.Intn(5) {
				p.Endpoints = append(p.Endpoints, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 88, 1, byte(r.Intn(6))}), 8080))
			}
			s.Ports = append(s.Ports, p)
		}
		out = append(out, s)
	}
	return out
}

func TestBuiltStepByStepEqualsBuiltAtOnce(t *testing.T) {
	cfg, err := rulesettest.Node("pods=10.88.1.1,10.88.1.2 peers=10.88.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewSource(1))
	now := ruleset.Compile(cfg, nil)
	held := map[ruleset.Key]map[ruleset.Set]ruleset.Element{}
	apply := func(op ruleset.Op) {
		e := op.Element
		of := held[e.Key]
		switch {
		case op.Delete && of[e.Set] != e:
			t.Fatalf("%v: what is deleted was not there", op)
		case op.Delete:
			delete(of, e.Set)
		default:
			if _, there := of[e.Set]; there {
				t.Fatalf("%v: was there already, the kernel would refuse it", op)
			}
			if of == nil {
				of = map[ruleset.Set]ruleset.Element{}
				held[e.Key] = of
			}
			of[e.Set] = e
		}
	}
	for _, op := range ruleset.Diff(ruleset.Ruleset{}, now) {
		apply(op)
	}
	for step := range 300 {
		services := some(r, r.Intn(7))
		next := ruleset.Compile(cfg, services)
		for _, op := range ruleset.Diff(now, next) {
			apply(op)
		}
		n := 0
		for _, of := range held {
			n += len(of)
		}
		if n != len(next.Elements) {
			t.Fatalf("step %d: %d elements, built at once %d", step, n, len(next.Elements))
		}
		for _, e := range next.Elements {
			if held[e.Key][e.Set] != e {
				t.Fatalf("step %d: lacks %v", step, ruleset.Op{Element: e})
			}
		}
		shuffled := slices.Clone(services)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := ruleset.Compile(cfg, shuffled); !reflect.DeepEqual(next, again) {
			t.Fatalf("step %d: the order of services matters", step)
		}
		if again := now.WithNode(cfg); !reflect.DeepEqual(now, again) {
			t.Fatalf("step %d: the same node makes a difference", step)
		}
		now = next
	}
}

func TestAnotherNodesConfigEqualsCompilingForIt(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, words := range []string{"", "pods=10.88.1.9,10.88.1.2,10.88.1.2", "peers=10.88.3.0/24,10.88.2.0/24 local=10.89.0.10"} {
		one, err := rulesettest.Node("pods=10.88.1.1 local=10.89.0.11")
		if err != nil {
			t.Fatal(err)
		}
		two, err := rulesettest.Node(words)
		if err != nil {
			t.Fatal(err)
		}
		services := some(r, 5)
		if got, want := ruleset.Compile(one, services).WithNode(two), ruleset.Compile(two, services); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got\n%s\nwant\n%s", words, got.Words(), want.Words())
		}
	}
}

func TestMarksKeepCountAndMemory(t *testing.T) {
	for _, c := range []struct {
		n         int
		sticky    time.Duration
		wantN     uint32
		wantStick time.Duration
	}{
		{0, time.Hour, 0, 0},
		{3, 0, 3, 0},
		{3, 24 * time.Hour, 3, 24 * time.Hour},
		{3, 48 * time.Hour, 3, 24 * time.Hour},
		{40_000, time.Millisecond, ruleset.MaxEndpoints, time.Second},
	} {
		m := ruleset.NewMark(c.n, c.sticky)
		if m.Endpoints() != c.wantN || m.Sticky() != c.wantStick {
			t.Errorf("%d endpoints sticky for %v became %d, %v", c.n, c.sticky, m.Endpoints(), m.Sticky())
		}
	}
}

func TestRulesAreConstantInNumber(t *testing.T) {
	cfg, err := rulesettest.Node("")
	if err != nil {
		t.Fatal(err)
	}
	r := ruleset.Compile(cfg, Many(10_000, 10))
	if len(r.Balancers) != 1 || len(r.Elements) != 10_000*11+1 {
		t.Fatalf("%d balancers, %d elements", len(r.Balancers), len(r.Elements))
	}
}

// Many makes n services of one TCP port with so many endpoints each.
func Many(n, endpoints int) []ruleset.Service {
	out := make([]ruleset.Service, n)
	for i := range out {
		p := ruleset.Port{Protocol: ruleset.TCP, Port: 80}
		for e := range endpoints {
			p.Endpoints = append(p.Endpoints, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 88, byte(i), byte(e)}), uint16(8000+i%7)))
		}
		out[i] = ruleset.Service{Namespace: "d", Name: "s", VIP: netip.AddrFrom4([4]byte{10, 89, byte(i >> 8), byte(i)}), Ports: []ruleset.Port{p}}
	}
	return out
}

func BenchmarkCompileAndDiff10kServices(b *testing.B) {
	cfg, err := rulesettest.Node("")
	if err != nil {
		b.Fatal(err)
	}
	services := Many(10_000, 10)
	old := ruleset.Compile(cfg, services)
	services[77].Ports[0].Endpoints[3] = netip.MustParseAddrPort("10.88.9.9:9")
	b.ResetTimer()
	for b.Loop() {
		if ops := ruleset.Diff(old, ruleset.Compile(cfg, services)); len(ops) != 2 {
			b.Fatalf("%d ops", len(ops))
		}
	}
}

func TestWrongConfigsAreRefusedByName(t *testing.T) {
	good, err := rulesettest.Node("peers=10.88.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*ruleset.Config){
		"Cell":                        func(c *ruleset.Config) { c.Cell = "" },
		"LinkPrefix \"toolong\"":      func(c *ruleset.Config) { c.LinkPrefix = "toolong" },
		"NodeAddr 127.0.0.1":          func(c *ruleset.Config) { c.NodeAddr = netip.MustParseAddr("127.0.0.1") },
		"PodRange 10.88.0.1/16":       func(c *ruleset.Config) { c.PodRange = netip.MustParsePrefix("10.88.0.1/16") },
		"overlap":                     func(c *ruleset.Config) { c.ServiceRange = netip.MustParsePrefix("10.88.8.0/24") },
		"node range 10.87.1.0/24":     func(c *ruleset.Config) { c.NodeRange = netip.MustParsePrefix("10.87.1.0/24") },
		"peer range 10.88.2.0/25 has": func(c *ruleset.Config) { c.Peers = []netip.Prefix{netip.MustParsePrefix("10.88.2.0/25")} },
	} {
		cfg := good
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}
