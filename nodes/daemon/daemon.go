package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/cgroups"
	"cairn/nodes/images"
	"cairn/nodes/oci"
	"cairn/nodes/sandbox"
)

// Daemon is a node's.
//
// Invariant: workers has one worker per pod uid, whatever the feed says twice.
type Daemon struct {
	cfg     Config
	images  *images.Store
	runtime *oci.Runtime
	cgroups cgroups.Layout
	host    sandbox.Host
	resolv  []byte

	gate chan struct{} // closed once things may be started

	mu           sync.Mutex
	ctx          context.Context // of Run
	workers      map[string]*worker
	running      sync.WaitGroup
	registration feed.Registration
	registered   bool
	verified     events.Offset
}

// New prepares a node: directories, shim, image store. It starts nothing.
func New(cfg Config) (*Daemon, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("a node needs root: it makes namespaces, mounts and cgroups")
	}
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	d := &Daemon{cfg: cfg, workers: map[string]*worker{}, gate: make(chan struct{}), verified: events.NoOffset}
	var err error
	if d.images, err = images.Open(filepath.Join(cfg.DataDir, "images")); err != nil {
		return nil, err
	}
	if d.runtime, err = oci.Open(cfg.Runc, filepath.Join(cfg.RunDir, "runc")); err != nil {
		return nil, err
	}
	if d.cgroups, err = cgroups.Detect(); err != nil {
		return nil, err
	}
	if d.host, err = sandbox.ReadHost(); err != nil {
		return nil, fmt.Errorf("read what this host allows: %w", err)
	}
	if d.resolv, err = os.ReadFile(cfg.ResolvConf); err != nil {
		cfg.Log.Warn("no resolver of the host: pods resolve only the cell's names", "err", err)
	}
	return d, nil
}

// Images is the node's image store.
func (d *Daemon) Images() *images.Store { return d.images }

// Run works until ctx ends, then returns with every container left as it is.
// It returns early only where the node cannot work at all.
func (d *Daemon) Run(ctx context.Context) error {
	if d.cfg.Server == nil || d.cfg.Network == nil {
		return errors.New("daemon: Config needs a Server and a Network to run")
	}
	v, err := d.runtime.Version(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	d.cfg.Info.Runtime = "runc://" + v
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

// register tells the cell of this node, again and again until it is heard;
// false when ctx ends first.
func (d *Daemon) register(ctx context.Context) bool {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
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
		if !pause(ctx, wait) {
			return false
		}
	}
}

// beat says that this daemon lives, and registers anew when the cell has
// forgotten the registration.
func (d *Daemon) beat(ctx context.Context) {
	for pause(ctx, d.cfg.Heartbeat) {
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

func pause(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
