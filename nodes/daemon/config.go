package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"cairn/events/feed"
	"cairn/nodes/shim"
)

// Config is all that a daemon is told. No path or name of another daemon on
// the machine may be equal.
type Config struct {
	Info    feed.NodeInfo // name, addresses, capacity; Runtime is filled in
	Cell    string
	DataDir string // images, logs, written files: on a disk, not on overlay
	RunDir  string // sockets, bundles, secrets: a tmpfs, else one is mounted there

	CgroupParent string        // default /cairn/CELL
	Runc         string        // default runc, from PATH
	Domain       string        // default cluster.local
	ResolvConf   string        // the host's; default /etc/resolv.conf
	Heartbeat    time.Duration // default 10 s
	Refresh      time.Duration // about how old config maps and secrets in volumes get; default 45 s

	Server  Server       // for Run
	Network Network      // for Run; Shutdown does without
	Log     *slog.Logger // default slog.Default
}

func (c *Config) complete() error {
	if c.Info.Name == "" || c.Cell == "" || c.DataDir == "" || c.RunDir == "" {
		return errors.New("daemon: Config needs a node name, a cell, DataDir and RunDir")
	}
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.CgroupParent, "/cairn/"+c.Cell)
	def(&c.Runc, "runc")
	def(&c.Domain, "cluster.local")
	def(&c.ResolvConf, "/etc/resolv.conf")
	if c.Heartbeat == 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.Refresh == 0 {
		c.Refresh = 45 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	for _, p := range []*string{&c.DataDir, &c.RunDir} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

// prepare makes the directories, RunDir in memory, and installs the shim.
func (c *Config) prepare() error {
	for _, d := range []string{c.DataDir, filepath.Join(c.DataDir, "pods"), filepath.Join(c.DataDir, "logs"), c.RunDir} {
		if err := os.MkdirAll(d, 0o711); err != nil {
			return fmt.Errorf("prepare node: %w", err)
		}
	}
	if err := inMemory(c.RunDir); err != nil {
		return err
	}
	for _, d := range []string{"pods", "runc"} {
		if err := os.MkdirAll(filepath.Join(c.RunDir, d), 0o700); err != nil {
			return fmt.Errorf("prepare node: %w", err)
		}
	}
	return shim.Install(c.libDir())
}

// libDir is in DataDir: /run may be mounted noexec.
func (c *Config) libDir() string { return filepath.Join(c.DataDir, "lib") }

// inMemory mounts a tmpfs on dir unless it lies on one: bundles and volumes
// below it hold secrets, which must not reach a disk.
func inMemory(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("run directory %s: %w", dir, err)
	}
	if st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC {
		return nil
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0711"); err != nil {
		return fmt.Errorf("run directory %s is on a disk and no tmpfs can be mounted on it (secrets must stay in memory): %w", dir, err)
	}
	return nil
}
