package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"cairn/dataplane/dns"
	"cairn/dataplane/nft"
	"cairn/dataplane/podnet"
	"cairn/dataplane/ruleset"
)

// Dataplane is one node's. Its methods may be called from any goroutine.
//
// Invariant: once services are known, the table was last applied from rules,
// peers, nodeAddrs and the pods that are attached.
type Dataplane struct {
	cfg    Config
	cancel context.CancelFunc
	loop   sync.WaitGroup

	mu        sync.Mutex
	net       *podnet.Net
	table     *nft.Table
	names     *dns.Server
	nodeAddrs []netip.Addr
	peers     []Peer
	rules     ruleset.Ruleset
	known     bool // SetServices was called, or there was nothing to take over
}

// New checks the config and touches nothing.
func New(cfg Config) (*Dataplane, error) {
	cfg = cfg.withDefaults()
	if err := cfg.ruleset().Validate(); err != nil {
		return nil, err
	}
	if cfg.DNSAddr.IsValid() && !cfg.ServiceRange.Contains(cfg.DNSAddr) {
		return nil, fmt.Errorf("dataplane: DNS address %v is not in the service range %v", cfg.DNSAddr, cfg.ServiceRange)
	}
	return &Dataplane{cfg: cfg}, nil
}

// Start makes links, routes and the table, or takes over those that an earlier
// run left, serves names, and starts to watch. It refuses ranges that collide
// with what the machine has, by a *Collision. After an error nothing runs; Purge
// removes what was made. The loop ends with ctx or Stop.
func (d *Dataplane) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.net != nil {
		return errors.New("dataplane: started already: make a new one to start again")
	}
	var err error
	if d.net, err = podnet.Setup(d.cfg.podnet()); err != nil {
		return err
	}
	if d.nodeAddrs, err = d.cfg.nodeAddrs(); err != nil {
		return err
	}
	if d.table, err = nft.Open(d.cfg.ruleset()); err != nil {
		return err
	}
	there, err := d.table.Exists()
	if err == nil && !there {
		// Nothing to take over: from now on unknown services are refused.
		d.known = true
		err = d.apply()
	}
	if err == nil {
		err = d.serveNames()
	}
	if err != nil {
		return errors.Join(err, d.table.Close())
	}
	ctx, d.cancel = context.WithCancel(ctx)
	d.loop.Go(func() { d.watch(ctx) })
	return nil
}

func (d *Dataplane) serveNames() error {
	if !d.cfg.DNSAddr.IsValid() {
		return nil
	}
	at := []netip.AddrPort{netip.AddrPortFrom(d.cfg.DNSAddr, 53)}
	upstreams := d.cfg.Upstreams
	if len(upstreams) == 0 {
		var err error
		if upstreams, err = dns.Upstreams(d.cfg.ResolvConf, at); err != nil {
			d.cfg.Log.Warn("no resolver for names outside the cell", "error", err)
		}
	}
	var err error
	d.names, err = dns.Start(dns.Config{Listen: at, Zone: d.cfg.Zone, Upstreams: upstreams})
	return err
}

// errNotStarted is what all methods say before Start.
var errNotStarted = errors.New("dataplane: not started: call Start first")

// SetServices replaces all services and names. A nil error means that the
// kernel has them; after an error the loop goes on trying.
func (d *Dataplane) SetServices(services []ruleset.Service, records []Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.table == nil {
		return errNotStarted
	}
	if d.names != nil {
		d.names.Set(records)
	}
	d.rules, d.known = ruleset.Compile(d.cfg.ruleset(), services), true
	return d.apply()
}

// SetPeers replaces the list of other nodes.
func (d *Dataplane) SetPeers(peers []Peer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.table == nil {
		return errNotStarted
	}
	for _, p := range peers {
		if p.NodeRange.Bits() != d.cfg.NodeRange.Bits() {
			return fmt.Errorf("dataplane: the range %v of node %v has not the size of this node's, %v", p.NodeRange, p.NodeAddr, d.cfg.NodeRange)
		}
	}
	d.peers = slices.Clone(peers)
	// The belt first, so that it never holds back what a route lets out.
	return errors.Join(d.apply(), d.net.SetPeers(peers))
}

// Attach connects the pod whose network namespace is at path; it may be
// repeated. mtu in bytes, 0 for the default.
func (d *Dataplane) Attach(path string, addr netip.Addr, mtu int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.table == nil {
		return errNotStarted
	}
	if err := d.net.Attach(path, addr, mtu); err != nil {
		return err
	}
	return d.apply()
}

// Detach ends the pod's routes; it may be repeated.
func (d *Dataplane) Detach(addr netip.Addr) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.table == nil {
		return errNotStarted
	}
	return errors.Join(d.net.Detach(addr), d.apply())
}

// Pods lists what is attached, pods of an earlier run included: what the
// daemon does not know should be detached.
func (d *Dataplane) Pods() []netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.net == nil {
		return nil
	}
	return d.net.Pods()
}

// Show prints the rules and maps in words, as they were last applied.
func (d *Dataplane) Show() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rules.Words()
}

// apply brings the table to what is wanted. Before services are known an
// earlier run's table goes on.
func (d *Dataplane) apply() error {
	if !d.known {
		return nil
	}
	cfg := d.cfg.ruleset()
	cfg.NodeAddrs = d.nodeAddrs
	cfg.LocalPods = d.net.Pods()
	slices.SortFunc(cfg.LocalPods, netip.Addr.Compare)
	for _, p := range d.peers {
		cfg.Peers = append(cfg.Peers, p.NodeRange)
	}
	d.rules = d.rules.WithNode(cfg)
	return d.table.Apply(d.rules)
}

// Stop ends the loop and the name server, and may be repeated; no other method
// may be called after it. Links, routes and the table stay and
// work on, unless purge says to remove them, too.
func (d *Dataplane) Stop(purge bool) error {
	if d.cancel != nil {
		d.cancel()
		d.loop.Wait()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs error
	if d.names != nil {
		errs = errors.Join(errs, d.names.Close())
		d.names = nil
	}
	if d.table != nil {
		errs = errors.Join(errs, d.table.Close())
	}
	if purge {
		errs = errors.Join(errs, Purge(d.cfg))
	}
	return errs
}

// Check reports whether Start would refuse cfg, by a *Collision, or whether
// another cell has its node ports; it changes nothing.
func Check(cfg Config) error { return podnet.Check(cfg.withDefaults().podnet()) }

// Holder says whose the claim on a cell's name is in this network namespace,
// by the Config.Owner that made it, and whether there is one.
func Holder(stateDir, cell string) (owner string, held bool, err error) {
	return podnet.Held(stateDir, cell)
}

// Purge removes all that a cell's dataplane has made in this network namespace,
// pods' links too; the daemon must not run. It reads Cell, Owner and StateDir
// alone, does nothing for a cell that made nothing, and may be repeated.
func Purge(cfg Config) error {
	cfg = cfg.withDefaults()
	owner, held, err := podnet.Held(cfg.StateDir, cfg.Cell)
	if err != nil || !held || owner != "" && cfg.Owner != "" && owner != cfg.Owner {
		return err
	}
	// Routes go last: they keep packets in while the table goes.
	return errors.Join(nft.Delete(ruleset.Config{Cell: cfg.Cell}.TableName()), podnet.Teardown(cfg.podnet()))
}
