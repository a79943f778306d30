package daemon

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"k8s.io/utils/clock"

	"cairn/events/feed"
	"cairn/nodes/runtime"
)

// Config is all that a daemon is given.
type Config struct {
	Info    feed.NodeInfo   // name, addresses, capacity; Runtime is filled in
	Runtime runtime.Runtime // the machine
	Server  Server          // for Run
	Network Network         // for Run; Shutdown does without

	Heartbeat time.Duration // default 10 s
	Refresh   time.Duration // about how old config maps and secrets in volumes get; default 45 s

	Clock clock.WithDelayedExecution // default the machine's
	Seed  [32]byte                   // of ids and jitter; zero: the system's randomness
	Log   *slog.Logger               // default slog.Default
}

func (c *Config) complete() error {
	if c.Info.Name == "" || c.Runtime == nil {
		return errors.New("daemon: Config needs a node name and a Runtime")
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.Refresh == 0 {
		c.Refresh = 45 * time.Second
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Seed == [32]byte{} {
		_, err := rand.Read(c.Seed[:])
		return err
	}
	return nil
}
