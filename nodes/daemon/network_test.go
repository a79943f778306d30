package daemon

import (
	"context"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"cairn/events/feed"
)

// flat is a Network that puts a pod's address on its loopback link: enough for
// probes, and no packet can leave.
type flat struct {
	mu       sync.Mutex
	attached map[netip.Addr]string
}

func (f *flat) has(addr string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attached[netip.MustParseAddr(addr)] != ""
}

func (f *flat) Configure(context.Context, feed.Registration) error { return nil }
func (f *flat) SetPeers(context.Context, []feed.Peer) error        { return nil }

func (f *flat) Attach(_ context.Context, path string, addr netip.Addr) error {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr.String() + "/32")
	if err != nil {
		return err
	}
	if err := h.AddrReplace(lo, a); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attached[addr] = path
	return nil
}

func (f *flat) Detach(_ context.Context, addr netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.attached, addr)
	return nil
}

func (f *flat) SetServices(context.Context, []*feed.VIP) error { return nil }
