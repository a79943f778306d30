package runtimetest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"

	"cairn/events/feed"
)

// Network is a data plane in memory.
//
// Invariant: an address belongs to one sandbox.
type Network struct {
	mu       sync.Mutex
	attached map[netip.Addr]string
	services []*feed.VIP
}

// Configure implements daemon.Network.
func (n *Network) Configure(context.Context, feed.Registration) error { return nil }

// SetPeers implements daemon.Network.
func (n *Network) SetPeers(context.Context, []feed.Peer) error { return nil }

// Attach implements daemon.Network.
func (n *Network) Attach(_ context.Context, path string, addr netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.attached == nil {
		n.attached = map[netip.Addr]string{}
	}
	for a, p := range n.attached {
		if p == path && a != addr {
			return fmt.Errorf("sandbox %s has address %s: %s is a second one", path, a, addr)
		}
	}
	n.attached[addr] = path
	return nil
}

// Detach implements daemon.Network.
func (n *Network) Detach(_ context.Context, addr netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.attached, addr)
	return nil
}

// SetServices implements daemon.Network.
func (n *Network) SetServices(_ context.Context, all []*feed.VIP) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.services = all
	return nil
}

// Attached is which sandbox has which address.
func (n *Network) Attached() map[netip.Addr]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.attached)
}

// Services are the last that were set.
func (n *Network) Services() []*feed.VIP {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.services
}
