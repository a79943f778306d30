package cgroups

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Layout says where the hierarchies are mounted.
//
// Invariant: in a hybrid, controllers are in V1 and Unified carries none.
type Layout struct {
	V1      map[string]string // controller (or name=systemd) -> mount point
	Unified string            // mount point of v2; empty: none
}

// Detect reads the layout of this machine.
func Detect() (Layout, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Layout{}, err
	}
	defer f.Close()
	return Parse(f)
}

// Parse reads a layout from the text of a mountinfo file (proc_pid_mountinfo(5)).
func Parse(r io.Reader) (Layout, error) {
	mounts, err := mountinfo.GetMountsFromReader(r, mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return Layout{}, err
	}
	l := Layout{V1: map[string]string{}}
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			if l.Unified == "" {
				l.Unified = m.Mountpoint
			}
			continue
		}
		for _, o := range strings.Split(m.VFSOptions, ",") {
			if _, seen := l.V1[o]; !seen && o != "rw" && o != "ro" && o != "xattr" {
				l.V1[o] = m.Mountpoint
			}
		}
	}
	if l.Unified == "" && len(l.V1) == 0 {
		return Layout{}, fmt.Errorf("no cgroup hierarchy is mounted: mount cgroup2 on /sys/fs/cgroup")
	}
	return l, nil
}

// IsV2 reports whether limits are set in the unified hierarchy.
func (l Layout) IsV2() bool { return len(l.V1) == 0 }

// mounts are the mount points, each once, in order.
func (l Layout) mounts() []string {
	ms := slices.Collect(maps.Values(l.V1))
	if l.Unified != "" {
		ms = append(ms, l.Unified)
	}
	slices.Sort(ms)
	return slices.Compact(ms)
}

// file is the path of a control file of a group; empty where the controller is
// not mounted.
func (l Layout) file(controller, group, name string) string {
	root := l.Unified
	if !l.IsV2() {
		root = l.V1[controller]
	}
	if root == "" {
		return ""
	}
	return filepath.Join(root, group, name)
}
