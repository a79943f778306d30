package dataplane_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cairn/dataplane"
	"cairn/dataplane/netnstest"
	"cairn/dataplane/rulesettest"

	mdns "github.com/miekg/dns"
	"github.com/vishvananda/netlink"
)

func TestMain(m *testing.M) { netnstest.Main(m) }

const soon = 5 * time.Second

var (
	machine  netnstest.Space
	nodeAddr = netip.MustParseAddr("192.0.2.2")
	router   = netip.MustParseAddr("192.0.2.1")
)

// repairs collects what OnRepair gets.
type repairs struct {
	mu   sync.Mutex
	seen []string
}

func (r *repairs) add(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, what)
}

func (r *repairs) about(word string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.seen {
		if strings.Contains(s, word) {
			return nil
		}
	}
	return fmt.Errorf("nothing about %q in %q", word, r.seen)
}

func config(t testing.TB) dataplane.Config {
	return dataplane.Config{
		Cell: "demo", LinkPrefix: "cn1", NodeAddr: nodeAddr, StateDir: t.TempDir(),
		PodRange: netip.MustParsePrefix("10.88.0.0/16"), NodeRange: netip.MustParsePrefix("10.88.1.0/24"),
		ServiceRange: netip.MustParsePrefix("10.89.0.0/16"), DNSAddr: netip.MustParseAddr("10.89.0.10"),
		Upstreams: []netip.AddrPort{netip.AddrPortFrom(router, 53)}, RepairEvery: 20 * time.Millisecond,
	}
}

// connect gives the machine a default route, and returns the world behind it.
func connect(t testing.TB) netnstest.Space {
	t.Helper()
	world := netnstest.New(t)
	netnstest.Cable(t, machine, "up0", netip.PrefixFrom(nodeAddr, 24), world, "out0", netip.PrefixFrom(router, 24))
	netnstest.DefaultRoute(t, machine, router)
	return world
}

func start(t testing.TB, cfg dataplane.Config) *dataplane.Dataplane {
	t.Helper()
	d, err := dataplane.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(true); err != nil {
			t.Error(err)
		}
	})
	if err := d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

func attach(t testing.TB, d *dataplane.Dataplane, addr string) netnstest.Space {
	t.Helper()
	pod := netnstest.New(t)
	if err := d.Attach(pod.Path(), netip.MustParseAddr(addr), 0); err != nil {
		t.Fatal(err)
	}
	return pod
}

func set(t testing.TB, d *dataplane.Dataplane, text string, records ...dataplane.Record) {
	t.Helper()
	services, err := rulesettest.Services(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetServices(services, records); err != nil {
		t.Fatal(err)
	}
}

func ask(t testing.TB, from netnstest.Space, network, addr, want string) netnstest.Answer {
	t.Helper()
	got, err := netnstest.Ask(from, network, addr, soon)
	if err != nil || got.Name != want {
		t.Fatalf("asked %s %s: %+v, %v; want %s", network, addr, got, err, want)
	}
	return got
}

func TestAServiceIsFoundByNameAndAnswers(t *testing.T) {
	for _, strict := range []string{"0", "1"} {
		t.Run("rp_filter "+strict, func(t *testing.T) {
			const file = "/proc/sys/net/ipv4/conf/all/rp_filter"
			if err := os.WriteFile(file, []byte(strict), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.WriteFile(file, []byte("0"), 0o644); err != nil {
					t.Error(err)
				}
			})
			serviceByName(t)
		})
	}
}

func serviceByName(t *testing.T) {
	world := connect(t)
	d := start(t, config(t))
	web, client := attach(t, d, "10.88.1.2"), attach(t, d, "10.88.1.3")
	netnstest.Serve(t, web, "tcp", "10.88.1.2:8080", "web")
	set(t, d, "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080",
		dataplane.Record{Namespace: "d", Name: "web", VIP: netip.MustParseAddr("10.89.0.1")})

	var found string
	err := client.Do(func() error {
		q := new(mdns.Msg)
		q.SetQuestion("web.d.svc.cluster.local.", mdns.TypeA)
		m, err := mdns.Exchange(q, "10.89.0.10:53")
		if err == nil && len(m.Answer) == 1 {
			found = m.Answer[0].(*mdns.A).A.String()
		}
		return err
	})
	if err != nil || found != "10.89.0.1" {
		t.Fatalf("the name is %q, %v", found, err)
	}
	ask(t, client, "tcp", found+":80", "web")
	ask(t, machine, "tcp", found+":80", "web")
	ask(t, world, "tcp", "192.0.2.2:30080", "web")
	if got := ask(t, web, "tcp", found+":80", "web"); got.From.Addr() != nodeAddr {
		t.Errorf("a pod that reached itself saw %v", got.From)
	}
	// Out to the world, as the machine.
	netnstest.Serve(t, world, "tcp", "192.0.2.1:443", "world")
	if got := ask(t, client, "tcp", "192.0.2.1:443", "world"); got.From.Addr() != nodeAddr {
		t.Errorf("the world saw %v", got.From)
	}
	if !strings.Contains(d.Show(), "10.89.0.1 tcp 80 -> 1 endpoint") {
		t.Errorf("show:\n%s", d.Show())
	}
}

func TestWhatIsBrokenIsRepairedWithinSeconds(t *testing.T) {
	connect(t)
	var r repairs
	cfg := config(t)
	cfg.OnRepair = r.add
	d := start(t, cfg)
	pod := attach(t, d, "10.88.1.2")
	netnstest.Serve(t, pod, "tcp", "10.88.1.2:8080", "web")
	netnstest.Serve(t, pod, "udp", "10.88.1.2:8080", "web")
	set(t, d, "d/web 10.89.0.1 tcp/80 -> 10.88.1.2:8080\nd/web 10.89.0.1 udp/80 -> 10.88.1.2:8080")
	ask(t, machine, "tcp", "10.89.0.1:80", "web")
	// One client keeps one socket, as a resolver would, through all of it.
	lasting, err := netnstest.Dial(machine, "udp", "10.89.0.1:80", soon)
	if err != nil {
		t.Fatal(err)
	}
	defer lasting.Close()

	back := func(word string) {
		t.Helper()
		netnstest.Wait(t, soon, "it is reported: "+word, func() error { return r.about(word) })
		netnstest.Wait(t, soon, "the service answers again after "+word, func() error {
			_, err := netnstest.Ask(machine, "tcp", "10.89.0.1:80", 200*time.Millisecond)
			return err
		})
		netnstest.Wait(t, soon, "a lasting UDP client is answered after "+word, func() error {
			_, err := netnstest.AskOn(lasting, 200*time.Millisecond)
			return err
		})
	}
	damage := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("nft", args...).CombinedOutput(); err != nil {
			t.Fatalf("nft %v: %v: %s", args, err, out)
		}
	}
	damage("flush", "table", "ip", "cairn-demo") // rules go, sets stay
	back("chains or rules")
	damage("flush", "map", "ip", "cairn-demo", "endpoints")
	back("set endpoints")
	damage("flush", "ruleset")
	back("is gone")
	for _, name := range []string{"cn1-br", "cn1-0a580102"} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		rs, err := netlink.RouteList(l, netlink.FAMILY_V4)
		if err != nil || len(rs) != 1 {
			t.Fatalf("routes over %s: %v, %v", name, rs, err)
		}
		if err := netlink.RouteDel(&rs[0]); err != nil {
			t.Fatal(err)
		}
	}
	back("route to 10.89.0.0/16")
	back("route to 10.88.1.2/32")
}

func TestScalingUnderLoadLosesNoConnection(t *testing.T) {
	connect(t)
	d := start(t, config(t))
	for _, a := range []string{"10.88.1.2", "10.88.1.3", "10.88.1.4"} {
		netnstest.Serve(t, attach(t, d, a), "tcp", a+":8080", a)
	}
	client := attach(t, d, "10.88.1.9")
	three := "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080 10.88.1.3:8080 10.88.1.4:8080"
	two := "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080 10.88.1.3:8080"
	set(t, d, three)

	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	var asked, failed atomic.Int64
	var load sync.WaitGroup
	for i := range 4 {
		from, to := machine, "10.89.0.1:80"
		if i%2 == 1 {
			from, to = client, "192.0.2.2:30080"
		}
		load.Go(func() {
			for ctx.Err() == nil {
				if got, err := netnstest.Ask(from, "tcp", to, soon); err != nil {
					failed.Add(1)
					t.Errorf("asked %s: %+v, %v", to, got, err)
				}
				asked.Add(1)
			}
		})
	}
	scaled := 0
	for ; ctx.Err() == nil; scaled++ {
		set(t, d, two)
		set(t, d, three)
	}
	load.Wait()
	t.Logf("%d connections, %d failed, %d times down and up", asked.Load(), failed.Load(), scaled)
	if asked.Load() < 50 || scaled < 10 {
		t.Errorf("too little happened to prove anything")
	}
}

func TestARestartedDaemonTakesOverWithoutLosingAConnection(t *testing.T) {
	connect(t)
	cfg := config(t)
	first := start(t, cfg)
	pod := attach(t, first, "10.88.1.2")
	netnstest.Serve(t, pod, "tcp", "10.88.1.2:8080", "web")
	text := "d/web 10.89.0.1 tcp/80 -> 10.88.1.2:8080"
	set(t, first, text)
	if err := first.Stop(false); err != nil {
		t.Fatal(err)
	}
	ask(t, machine, "tcp", "10.89.0.1:80", "web") // nobody is there, it works

	ctx, cancel := context.WithCancel(context.Background())
	var load sync.WaitGroup
	var asked atomic.Int64
	load.Go(func() {
		for ctx.Err() == nil {
			if _, err := netnstest.Ask(machine, "tcp", "10.89.0.1:80", soon); err != nil {
				t.Errorf("while it was taken over: %v", err)
			}
			asked.Add(1)
		}
	})
	second := start(t, cfg)
	if got := second.Pods(); len(got) != 1 || got[0].String() != "10.88.1.2" {
		t.Errorf("pods %v", got)
	}
	for range 20 { // each writes the same, the first by flush and refill
		set(t, second, text)
	}
	seen := asked.Load()
	netnstest.Wait(t, soon, "more connections after the take-over", func() error {
		if asked.Load() < seen+5 {
			return errors.New("not yet")
		}
		return nil
	})
	cancel()
	load.Wait()
}

func TestNoEndpointsAndNoServiceAreRefusedAtOnce(t *testing.T) {
	connect(t)
	d := start(t, config(t))
	pod := attach(t, d, "10.88.1.2")
	set(t, d, "d/idle 10.89.0.1 tcp/80")
	for _, from := range []netnstest.Space{machine, pod} {
		for _, to := range []string{"10.89.0.1:80", "10.89.0.99:80", "10.89.0.1:81"} {
			began := time.Now()
			_, err := netnstest.Dial(from, "tcp", to, soon)
			if !errors.Is(err, syscall.ECONNREFUSED) || time.Since(began) > time.Second {
				t.Errorf("%s: %v after %v", to, err, time.Since(began))
			}
		}
	}
}

func TestTwoCellsSideBySide(t *testing.T) {
	connect(t)
	one := config(t)
	two := dataplane.Config{
		Cell: "other", LinkPrefix: "cn2", NodeAddr: nodeAddr, StateDir: one.StateDir, RepairEvery: 20 * time.Millisecond,
		PodRange: netip.MustParsePrefix("10.98.0.0/16"), NodeRange: netip.MustParsePrefix("10.98.1.0/24"),
		ServiceRange: netip.MustParsePrefix("10.99.0.0/16"),
	}
	a, b := start(t, one), start(t, two)
	netnstest.Serve(t, attach(t, a, "10.88.1.2"), "tcp", "10.88.1.2:80", "one")
	netnstest.Serve(t, attach(t, b, "10.98.1.2"), "tcp", "10.98.1.2:80", "two")
	set(t, a, "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:80")
	set(t, b, "d/web 10.99.0.1 tcp/80 node=31080 -> 10.98.1.2:80")
	ask(t, machine, "tcp", "10.89.0.1:80", "one")
	ask(t, machine, "tcp", "10.99.0.1:80", "two")
	ask(t, machine, "tcp", "192.0.2.2:30080", "one")
	ask(t, machine, "tcp", "192.0.2.2:31080", "two")
	if err := a.Stop(true); err != nil {
		t.Fatal(err)
	}
	ask(t, machine, "tcp", "10.99.0.1:80", "two")
	if _, err := netlink.LinkByName("cn1-br"); err == nil {
		t.Error("the purged cell left its bridge")
	}
}

func TestAMachineWithNoLinkButItsLoopback(t *testing.T) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	own := &netlink.Addr{IPNet: netlink.NewIPNet(nodeAddr.AsSlice())}
	if err := netlink.AddrAdd(lo, own); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.AddrDel(lo, own); err != nil {
			t.Error(err)
		}
	})
	d := start(t, config(t))
	pod := attach(t, d, "10.88.1.2")
	netnstest.Serve(t, pod, "tcp", "10.88.1.2:8080", "web")
	netnstest.Serve(t, machine, "tcp", "192.0.2.2:6443", "server")
	set(t, d, "d/web 10.89.0.1 tcp/80 node=30080 -> 10.88.1.2:8080\nd/kubernetes 10.89.0.2 tcp/443 -> 192.0.2.2:6443")
	for _, from := range []netnstest.Space{machine, pod} {
		ask(t, from, "tcp", "10.89.0.1:80", "web")
		ask(t, from, "tcp", "192.0.2.2:30080", "web")
		ask(t, from, "tcp", "10.89.0.2:443", "server")
	}
}
