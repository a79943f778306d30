package trace_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"cairn/dataplane/ruleset"
	"cairn/dataplane/rulesettest"
	"cairn/dataplane/trace"

	"github.com/cockroachdb/datadriven"
)

// TestScenarios runs the files of testdata: "node" and "services" as in
// ruleset's, and "packets" with lines
//
//	WHO PROTOCOL FROM TO [random=N] [lost]
//
// where WHO is machine, pod or stranger; lost: only the default route is left.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var cfg ruleset.Config
		tracer := trace.New(ruleset.Ruleset{})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "node":
				var err error
				if cfg, err = rulesettest.Node(strings.ReplaceAll(d.Input, "\n", " ")); err != nil {
					return err.Error() + "\n"
				}
				return ""
			case "services":
				services, err := rulesettest.Services(d.Input)
				if err != nil {
					return err.Error() + "\n"
				}
				tracer.Replace(ruleset.Compile(cfg, services))
				return ""
			case "packets":
				var w strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					p, err := packet(line)
					if err != nil {
						t.Fatalf("%s: %v", d.Pos, err)
					}
					fmt.Fprintf(&w, "%s\n", words(tracer.Trace(p)))
				}
				return w.String()
			}
			t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

func packet(line string) (p trace.Packet, err error) {
	w := strings.Fields(line)
	if len(w) < 4 {
		return p, fmt.Errorf("%q has fewer than four words", line)
	}
	p.Local = w[0] == "machine"
	p.In = map[string]string{"pod": "cn1-0a580102", "stranger": "eth0"}[w[0]]
	p.Protocol = rulesettest.Protocol(w[1])
	if p.Source, err = netip.ParseAddrPort(w[2] + ":40000"); err != nil {
		return p, err
	}
	if p.To, err = netip.ParseAddrPort(w[3]); err != nil {
		return p, err
	}
	for _, o := range w[4:] {
		if o == "lost" {
			p.RoutesLost = true
		} else if _, err := fmt.Sscanf(o, "random=%d", &p.Random); err != nil {
			return p, fmt.Errorf("%q is no option of a packet", o)
		}
	}
	return p, nil
}

func words(r trace.Result) string {
	s := r.Fate.String()
	if r.Link != "" && r.Fate != trace.Rejected && r.Fate != trace.Dropped {
		s += " over " + r.Link
	}
	if r.Redirected {
		s += fmt.Sprintf(" to %v", r.To)
	}
	if r.Source.IsValid() {
		s += fmt.Sprintf(" from %v", r.Source)
	}
	if r.Masqueraded {
		s += " from the link's address"
	}
	for _, p := range r.Path {
		s += "\n    " + p
	}
	return s
}

func TestACountOlderThanTheEndpointsFallsBackToTheFirst(t *testing.T) {
	cfg, err := rulesettest.Node("pods=10.88.1.2,10.88.1.3")
	if err != nil {
		t.Fatal(err)
	}
	services, err := rulesettest.Services("d/web 10.89.0.1 tcp/80 -> 10.88.1.2:80 10.88.1.3:80")
	if err != nil {
		t.Fatal(err)
	}
	rules := ruleset.Compile(cfg, services)
	keep := rules.Elements[:0]
	for _, e := range rules.Elements {
		if e.Set != ruleset.Endpoints || e.Key.Slot != 1 {
			keep = append(keep, e)
		}
	}
	rules.Elements = keep
	p, err := packet("machine tcp 192.0.2.2 10.89.0.1:80 random=1")
	if err != nil {
		t.Fatal(err)
	}
	if r := trace.New(rules).Trace(p); r.Fate != trace.Sent || r.To.String() != "10.88.1.2:80" {
		t.Fatalf("%s", words(r))
	}
}
