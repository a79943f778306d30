package dns_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cairn/dataplane/dns"

	"github.com/cockroachdb/datadriven"
	mdns "github.com/miekg/dns"
)

// start serves on the loopback, at a port of its own, with an upstream that
// knows example.org only.
func start(t *testing.T, upstreams ...netip.AddrPort) *dns.Server {
	t.Helper()
	s, err := dns.Start(dns.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Upstreams: upstreams})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// world is a resolver that knows one name.
func world(t *testing.T) netip.AddrPort {
	t.Helper()
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	s := &mdns.Server{PacketConn: p, NotifyStartedFunc: func() { close(ready) }, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		if q.Question[0].Name == "www.example.org." {
			m.Answer = append(m.Answer, &mdns.A{
				Hdr: mdns.RR_Header{Name: "www.example.org.", Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 60},
				A:   net.IPv4(203, 0, 113, 80),
			})
		} else {
			m.Rcode = mdns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = s.Shutdown() })
	return netip.MustParseAddrPort(p.LocalAddr().String())
}

// TestScenarios runs the files of testdata: "records" replaces the records,
// "ask" has lines TYPE NAME. The answers come over real sockets.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := start(t, world(t))
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "records":
				records, err := parse(d.Input)
				if err != nil {
					t.Fatalf("%s: %v", d.Pos, err)
				}
				s.Set(records)
				return ""
			case "ask":
				var w strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					kind, name, _ := strings.Cut(line, " ")
					fmt.Fprintf(&w, "%s\n", words(ask(t, s, "udp", name, mdns.StringToType[kind])))
				}
				return w.String()
			}
			t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

// parse reads NAMESPACE/NAME vip=A pods=HOST@A,... ports=NAME/PROTO/N,... external=NAME.
func parse(text string) ([]dns.Record, error) {
	var out []dns.Record
	for _, line := range strings.Split(text, "\n") {
		w := strings.Fields(line)
		r := dns.Record{}
		r.Namespace, r.Name, _ = strings.Cut(w[0], "/")
		for _, word := range w[1:] {
			name, value, _ := strings.Cut(word, "=")
			for _, one := range strings.Split(value, ",") {
				switch name {
				case "vip":
					r.VIP = netip.MustParseAddr(one)
				case "external":
					r.External = one
				case "pods":
					host, addr, _ := strings.Cut(one, "@")
					r.Pods = append(r.Pods, dns.Pod{Hostname: host, Addr: netip.MustParseAddr(addr)})
				case "ports":
					f := strings.Split(one, "/")
					p := dns.Port{Name: f[0], Protocol: map[string]uint8{"tcp": 6, "udp": 17}[f[1]]}
					if _, err := fmt.Sscan(f[2], &p.Port); err != nil {
						return nil, err
					}
					r.Ports = append(r.Ports, p)
				default:
					return nil, fmt.Errorf("a record has no %q", name)
				}
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func ask(t *testing.T, s *dns.Server, network, name string, kind uint16) *mdns.Msg {
	t.Helper()
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(name), kind)
	c := mdns.Client{Net: network, Timeout: 5 * time.Second}
	m, _, err := c.Exchange(q, s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func words(m *mdns.Msg) string {
	out := []string{mdns.RcodeToString[m.Rcode]}
	for i, section := range [][]mdns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			out = append(out, "    "+[]string{"", "authority: ", "extra: "}[i]+strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	return strings.Join(out, "\n")
}

func TestLongAnswersAreCutAndComeWholeOverTCP(t *testing.T) {
	s := start(t)
	r := dns.Record{Namespace: "d", Name: "many"}
	for i := range 100 {
		r.Pods = append(r.Pods, dns.Pod{Addr: netip.AddrFrom4([4]byte{10, 88, 1, byte(i)})})
	}
	s.Set([]dns.Record{r})
	if m := ask(t, s, "udp", "many.d.svc.cluster.local", mdns.TypeA); !m.Truncated || len(m.Answer) == 100 {
		t.Errorf("over UDP: truncated %v, %d answers", m.Truncated, len(m.Answer))
	}
	if m := ask(t, s, "tcp", "many.d.svc.cluster.local", mdns.TypeA); m.Truncated || len(m.Answer) != 100 {
		t.Errorf("over TCP: truncated %v, %d answers", m.Truncated, len(m.Answer))
	}
}

func TestAnUpstreamThatIsSilentIsAServerFailureInTime(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := start(t, netip.MustParseAddrPort(silent.LocalAddr().String()))
	began := time.Now()
	m := ask(t, s, "udp", "www.example.org", mdns.TypeA)
	if m.Rcode != mdns.RcodeServerFailure || time.Since(began) > 3*time.Second {
		t.Errorf("%s after %v", mdns.RcodeToString[m.Rcode], time.Since(began))
	}
	// One that is not there is refused at once, and the next is asked.
	gone := netip.MustParseAddrPort(silent.LocalAddr().String())
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, gone, world(t))
	if m := ask(t, s, "udp", "www.example.org", mdns.TypeA); len(m.Answer) != 1 {
		t.Errorf("the second upstream was not asked: %v", m)
	}
}

func TestNamesOfTheCellAreNeverAskedForOutside(t *testing.T) {
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := start(t, netip.MustParseAddrPort(p.LocalAddr().String()))
	if m := ask(t, s, "udp", "nothing.d.svc.cluster.local", mdns.TypeA); m.Rcode != mdns.RcodeNameError {
		t.Fatal(m)
	}
	if err := p.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := p.ReadFrom(make([]byte, 512)); err == nil {
		t.Fatalf("the upstream was asked, in %d bytes", n)
	}
}

func TestUpstreamsLeaveOutThisServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("search lan\nnameserver 10.89.0.10\nnameserver 203.0.113.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := dns.Upstreams(path, []netip.AddrPort{netip.MustParseAddrPort("10.89.0.10:53")})
	if want := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.53:53")}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := dns.Upstreams(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Fatal("no file, no error")
	}
}
