package worldtest

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"cairn/events/feed"
	"cairn/nodes/daemon"
	"cairn/nodes/runtime"
	"cairn/nodes/runtimetest"
	"k8s.io/utils/clock"
)

// Behave says how a container's run goes on a machine in memory; nil: it starts
// at once, is healthy, and runs until it is asked to end.
type Behave func(runtime.ID, runtime.Run, *corev1.Container) runtimetest.Behaviour

// Daemon is a real node daemon over a machine in memory, connected as any node is.
type Daemon struct {
	Name    string
	Machine *runtimetest.Machine
	Network *runtimetest.Network
	// Stop ends the daemon; its containers go on.
	Stop func()
}

// Join runs a daemon until the world ends or it is stopped.
func (w *World) Join(name string, behave Behave) *Daemon {
	d := &Daemon{Name: name, Machine: runtimetest.New(clock.RealClock{}, behave), Network: &runtimetest.Network{}}
	w.Restart(d)
	return d
}

// Restart runs a new daemon on a machine whose last one was stopped.
func (w *World) Restart(d *Daemon) {
	client := w.HTTP(d.Name)
	cfg := daemon.Config{Runtime: d.Machine, Server: w.NodeClient(d.Name, client), Network: d.Network, Log: w.Log,
		Info: feed.NodeInfo{Name: d.Name, Addresses: []string{addressOf(len(w.closing))}, MilliCPU: 32000, MemoryBytes: 64 << 30, StorageBytes: 1 << 40, MaxPods: 110,
			Version: "v0", Labels: map[string]string{"kubernetes.io/hostname": d.Name, "kubernetes.io/os": "linux"}}}
	copy(cfg.Seed[:], "seed of "+d.Name)
	run, err := daemon.New(cfg)
	w.Must(err)
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- run.Run(ctx) }()
	stopped := false
	d.Stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.T.Errorf("the daemon of %s ended with %v", d.Name, err)
		}
		client.CloseIdleConnections()
	}
	w.closing = append(w.closing, d.Stop)
}

// addressOf is the address of the nth node.
func addressOf(n int) string { return fmt.Sprintf("198.18.%d.%d", n/250%250, n%250+1) }
