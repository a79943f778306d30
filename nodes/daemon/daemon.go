package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/feed"
)

// Daemon is a node's.
//
// Invariant: workers has one worker per pod uid, whatever the feed says twice.
type Daemon struct {
	cfg Config

	gate chan struct{} // closed once things may be started

	mu           sync.Mutex
	ctx          context.Context // of Run
	workers      map[string]*worker
	running      sync.WaitGroup
	registration feed.Registration
	registered   bool
	verified     events.Offset
}

// New makes a daemon. It starts nothing.
func New(cfg Config) (*Daemon, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	return &Daemon{cfg: cfg, workers: map[string]*worker{}, gate: make(chan struct{}), verified: events.NoOffset}, nil
}

// Run works until ctx ends, then returns with every container left as it is.
// It returns early only where the node cannot work at all.
func (d *Daemon) Run(ctx context.Context) error {
	if d.cfg.Server == nil || d.cfg.Network == nil {
		return errors.New("daemon: Config needs a Server and a Network to run")
	}
	v, err := d.cfg.Runtime.Version(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	d.cfg.Info.Runtime = v
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	if err := d.adopt(); err != nil {
		return err
	}
	if !d.register(ctx) {
		return d.stop(ctx)
	}
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){d.beat, d.followAssignments, d.followVIPs} {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
	return d.stop(ctx)
}

func (d *Daemon) stop(ctx context.Context) error {
	<-ctx.Done()
	d.running.Wait()
	return nil
}

// register makes this node known to the cell, trying until a server answers;
// false when ctx ends first.
func (d *Daemon) register(ctx context.Context) bool {
	for again := d.retry("register", 100*time.Millisecond, 5*time.Second); ; {
		r, err := d.cfg.Server.Register(ctx, d.cfg.Info)
		if err == nil {
			err = d.cfg.Network.Configure(ctx, r)
		}
		if err == nil {
			d.mu.Lock()
			d.registration, d.registered = r, true
			workers := slices.Collect(maps.Values(d.workers))
			d.mu.Unlock()
			d.cfg.Log.Info("node registered", "node", d.cfg.Info.Name, "offset", r.Offset, "pods", len(workers))
			for _, w := range workers {
				w.post(w.refreshStatus) // reports name the new registration from here on
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		d.cfg.Log.Warn("cannot register yet: trying again", "err", err)
		if !d.pause(ctx, again.next()) {
			return false
		}
	}
}

// beat says that this daemon lives, and registers anew when the cell has
// forgotten the registration.
func (d *Daemon) beat(ctx context.Context) {
	for random := d.random("heartbeat"); d.pause(ctx, jitter(d.cfg.Heartbeat, random)); {
		reg, verified := d.known()
		a, err := d.cfg.Server.Heartbeat(ctx, feed.Heartbeat{Registration: reg.Offset, Verified: verified})
		if err != nil {
			if ctx.Err() == nil {
				d.cfg.Log.Warn("no server hears this node: containers go on", "err", err)
			}
			continue
		}
		if !a.Current {
			d.cfg.Log.Warn("the cell knows a newer registration, or none: registering anew")
			d.register(ctx)
		}
	}
}

func (d *Daemon) known() (feed.Registration, events.Offset) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registration, d.verified
}
