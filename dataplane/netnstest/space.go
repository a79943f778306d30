package netnstest

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const inside = "CAIRN_NETNSTEST_INSIDE"

// Main runs the package's tests in a new network namespace whose loopback is
// up. It needs root and does not return.
func Main(m *testing.M) {
	if os.Getenv(inside) == "" {
		os.Exit(again())
	}
	if err := up("lo"); err != nil {
		fmt.Fprintln(os.Stderr, "netnstest: bring lo up:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func again() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "netnstest: find the test binary:", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is about the thread that started it
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "netnstest: these tests need root, for network namespaces:", err)
		return 1
	}
	return 0
}

// Space is a network namespace; the zero value is the machine's, that of the
// test process.
type Space struct {
	handle netns.NsHandle
	made   bool
}

// New makes a namespace with its loopback up. It goes with the test.
func New(t testing.TB) Space {
	t.Helper()
	var s Space
	done := make(chan error)
	go func() {
		// The thread is not unlocked, so it ends with the goroutine.
		runtime.LockOSThread()
		h, err := netns.New()
		s = Space{handle: h, made: true}
		if err == nil {
			err = up("lo")
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("netnstest: make a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = s.handle.Close() })
	return s
}

// Path names the namespace for as long as the test runs.
func (s Space) Path() string {
	if !s.made {
		return "/proc/self/ns/net"
	}
	return fmt.Sprintf("/proc/self/fd/%d", int(s.handle))
}

// Close lets the namespace go, as when a pod's last process ends.
func (s Space) Close() { _ = s.handle.Close() }

// Do runs fn inside; sockets made there stay there.
func (s Space) Do(fn func() error) error {
	if !s.made {
		return fn()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends here
		if err := netns.Set(s.handle); err != nil {
			done <- fmt.Errorf("netnstest: enter the namespace: %w", err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// Cable joins two namespaces by a veth pair with these names and addresses.
func Cable(t testing.TB, a Space, aName string, aAddr netip.Prefix, b Space, bName string, bAddr netip.Prefix) {
	t.Helper()
	err := a.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = aName
		veth := netlink.NewVeth(attrs)
		veth.PeerName = bName
		veth.PeerNamespace = netlink.NsFd(int(b.handle))
		if err := netlink.LinkAdd(veth); err != nil {
			return err
		}
		return address(aName, aAddr)
	})
	if err == nil {
		err = b.Do(func() error { return address(bName, bAddr) })
	}
	if err != nil {
		t.Fatalf("netnstest: cable %s to %s: %v", aName, bName, err)
	}
	t.Cleanup(func() {
		_ = a.Do(func() error {
			l, err := netlink.LinkByName(aName)
			if err != nil {
				return err
			}
			return netlink.LinkDel(l)
		})
	})
}

// DefaultRoute sends everything else to gateway.
func DefaultRoute(t testing.TB, s Space, gateway netip.Addr) {
	t.Helper()
	err := s.Do(func() error { return netlink.RouteAdd(&netlink.Route{Gw: gateway.AsSlice()}) })
	if err != nil {
		t.Fatalf("netnstest: default route over %v: %v", gateway, err)
	}
}

// Wait asks until ok says nil, and fails the test if that takes too long.
func Wait(t testing.TB, within time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func up(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

func address(name string, p netip.Prefix) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(p.String())
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(l, a); err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}
