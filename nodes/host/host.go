package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"cairn/nodes/cgroups"
	"cairn/nodes/images"
	"cairn/nodes/oci"
	"cairn/nodes/runtime"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim"
	"cairn/nodes/volumes"
)

// Config says where a node works. No path or name of another node on the
// machine may be equal.
type Config struct {
	Cell    string
	DataDir string // images, logs, written files: on a disk, not on overlay
	RunDir  string // sockets, bundles, secrets: a tmpfs, else one is mounted there

	CgroupParent string // default /cairn/CELL
	Runc         string // default runc, from PATH
	Domain       string // default cluster.local
	ResolvConf   string // the host's; default /etc/resolv.conf

	Log *slog.Logger // default slog.Default
}

// Runtime is this machine, for one node.
type Runtime struct {
	cfg     Config
	images  *images.Store
	runc    *oci.Runtime
	cgroups cgroups.Layout
	host    sandbox.Host
	resolv  []byte
}

var _ runtime.Runtime = (*Runtime)(nil)

// Open makes directories, shim and image store. It starts nothing.
func Open(cfg Config) (*Runtime, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("a node needs root: it makes namespaces, mounts and cgroups")
	}
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	m := &Runtime{cfg: cfg}
	var err error
	if m.images, err = images.Open(filepath.Join(cfg.DataDir, "images")); err != nil {
		return nil, err
	}
	if m.runc, err = oci.Open(cfg.Runc, filepath.Join(cfg.RunDir, "runc")); err != nil {
		return nil, err
	}
	if m.cgroups, err = cgroups.Detect(); err != nil {
		return nil, err
	}
	if m.host, err = sandbox.ReadHost(); err != nil {
		return nil, fmt.Errorf("read what this host allows: %w", err)
	}
	if m.resolv, err = os.ReadFile(cfg.ResolvConf); err != nil {
		cfg.Log.Warn("no resolver of the host: pods resolve only the cell's names", "err", err)
	}
	return m, nil
}

func (c *Config) complete() error {
	if c.Cell == "" || c.DataDir == "" || c.RunDir == "" {
		return errors.New("host: Config needs a cell, DataDir and RunDir")
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

// shims is the cgroup of the pods' shims.
func (c *Config) shims() string { return c.CgroupParent + "/shims" }

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

// Images is the node's image store.
func (m *Runtime) Images() *images.Store { return m.images }

// Version implements runtime.Runtime.
func (m *Runtime) Version(ctx context.Context) (string, error) {
	v, err := m.runc.Version(ctx)
	return "runc://" + v, err
}

// Pods implements runtime.Runtime.
func (m *Runtime) Pods() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(m.cfg.DataDir, "pods"))
	if err != nil {
		return nil, fmt.Errorf("look for pods of an earlier daemon: %w", err)
	}
	var uids []string
	for _, e := range entries {
		uids = append(uids, e.Name())
	}
	return uids, nil
}

// Pod implements runtime.Runtime.
func (m *Runtime) Pod(id runtime.ID) runtime.Pod { return m.pod(id) }

func (m *Runtime) pod(id runtime.ID) *pod { return &pod{m: m, id: id, paths: m.paths(id)} }

// Clear implements runtime.Runtime.
func (m *Runtime) Clear() error {
	m.killGroup(m.cfg.shims()) // of pods that left no trace
	err := m.cgroups.Remove(m.cfg.CgroupParent)
	m.cgroups.RemoveIfEmpty(filepath.Dir(m.cfg.CgroupParent))
	if exists(m.cfg.RunDir) {
		err = errors.Join(err, volumes.UnmountBelow(m.cfg.RunDir))
	}
	return err
}

// killGroup kills every process of a cgroup.
func (m *Runtime) killGroup(group string) {
	for _, pid := range m.cgroups.Procs(group) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
