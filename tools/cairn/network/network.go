package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"cairn/dataplane"
	"cairn/events/feed"
	"cairn/tools/cairn/cell"
)

// Config is what the machine's side knows of the dataplane ahead of a registration.
type Config struct {
	Settings  *cell.Settings
	Owner     string // the cell's data folder
	NodeAddr  netip.Addr
	OnRepair  func(what string)
	OnStart   func()          // the dataplane works from now on
	OnRefused func(err error) // the machine has these ranges: trying again won't help
	Log       *slog.Logger
}

// Check reports whether this machine has room for a cell's network, before
// anything of it is started; its error may be a *dataplane.Collision.
func Check(s *cell.Settings, owner string) error {
	cfg := base(s, owner)
	var errs [2]error
	cfg.PodRange, errs[0] = netip.ParsePrefix(s.PodRange)
	cfg.ServiceRange, errs[1] = netip.ParsePrefix(s.ServiceRange)
	return errors.Join(errs[0], errs[1], dataplane.Check(cfg))
}

// base is what the settings alone say.
func base(s *cell.Settings, owner string) dataplane.Config {
	low, high := s.NodePortRange()
	return dataplane.Config{Cell: s.Name, Owner: owner, LinkPrefix: s.LinkPrefix(), StateDir: cell.NetState,
		NodePorts: dataplane.Ports{Low: low, High: high}}
}

// Network is what a node daemon calls. Its methods may be called by several
// goroutines at once.
//
// Invariant: plane is nil until the first Configure that succeeded.
type Network struct {
	cfg Config
	ctx context.Context // the dataplane's loop ends with it

	mu    sync.Mutex
	plane *dataplane.Dataplane
	made  dataplane.Config

	converting sync.Mutex // held while services are set, so that the last call wins
	converter  converter
}

// New makes a Network whose dataplane lives as long as ctx or until Stop.
func New(ctx context.Context, cfg Config) *Network { return &Network{ctx: ctx, cfg: cfg} }

var errEarly = errors.New("the dataplane is not there before the first registration")

// Configure starts the dataplane at the first registration. A later one that
// says something else is refused: the node has to start again for it.
func (n *Network) Configure(_ context.Context, r feed.Registration) error {
	cfg, err := n.config(r)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plane != nil {
		if cfg.PodRange != n.made.PodRange || cfg.ServiceRange != n.made.ServiceRange || cfg.NodeRange != n.made.NodeRange || cfg.DNSAddr != n.made.DNSAddr {
			return fmt.Errorf("this node's ranges changed from %v to %v: start the node again", n.made.NodeRange, cfg.NodeRange)
		}
		return nil
	}
	plane, err := dataplane.New(cfg)
	if err != nil {
		return err
	}
	if err := plane.Start(n.ctx); err != nil {
		err = errors.Join(err, plane.Stop(false))
		var taken *dataplane.Collision
		if errors.As(err, &taken) {
			n.cfg.OnRefused(err)
		}
		return err
	}
	n.plane, n.made = plane, cfg
	n.cfg.OnStart()
	return nil
}

func (n *Network) config(r feed.Registration) (dataplane.Config, error) {
	cfg := base(n.cfg.Settings, n.cfg.Owner)
	cfg.NodeAddr, cfg.OnRepair, cfg.Log = n.cfg.NodeAddr, n.cfg.OnRepair, n.cfg.Log
	cfg.Loopback = true // people type curl localhost:PORT; the rules keep pods away from it
	var errs [4]error
	cfg.PodRange, errs[0] = netip.ParsePrefix(r.CellPodRange)
	cfg.NodeRange, errs[1] = netip.ParsePrefix(r.PodRange)
	cfg.ServiceRange, errs[2] = netip.ParsePrefix(r.ServiceRange)
	if r.DNSAddress != "" {
		cfg.DNSAddr, errs[3] = netip.ParseAddr(r.DNSAddress)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return cfg, fmt.Errorf("the server's registration can't be used: %w", err)
	}
	return cfg, nil
}

func (n *Network) get() (*dataplane.Dataplane, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plane == nil {
		return nil, errEarly
	}
	return n.plane, nil
}

// Attach gives the network namespace at path an address.
func (n *Network) Attach(_ context.Context, path string, addr netip.Addr) error {
	plane, err := n.get()
	if err != nil {
		return err
	}
	return plane.Attach(path, addr, 0)
}

// Detach takes it back.
func (n *Network) Detach(_ context.Context, addr netip.Addr) error {
	plane, err := n.get()
	if err != nil {
		return err
	}
	return plane.Detach(addr)
}

// SetPeers replaces the list of other nodes.
func (n *Network) SetPeers(_ context.Context, peers []feed.Peer) error {
	plane, err := n.get()
	if err != nil {
		return err
	}
	list := make([]dataplane.Peer, len(peers))
	for i, p := range peers {
		list[i] = dataplane.Peer{NodeAddr: p.Address, NodeRange: p.PodRange}
	}
	return plane.SetPeers(list)
}

// SetServices replaces all services and names.
func (n *Network) SetServices(_ context.Context, all []*feed.VIP) error {
	plane, err := n.get()
	if err != nil {
		return err
	}
	n.converting.Lock()
	defer n.converting.Unlock()
	return plane.SetServices(n.converter.convert(all))
}

// Ready reports whether the dataplane works.
func (n *Network) Ready() bool {
	_, err := n.get()
	return err == nil
}

// Show prints the rules in words.
func (n *Network) Show() string {
	plane, err := n.get()
	if err != nil {
		return "no rules yet: " + err.Error() + "\n"
	}
	return plane.Show()
}

// Stop ends the dataplane's goroutines; links, routes and rules stay.
func (n *Network) Stop() error {
	plane, err := n.get()
	if err != nil {
		return nil // it never started
	}
	return plane.Stop(false)
}
