package guardtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"cairn/nodes/cgroups"
)

// patience is how long processes may take to end when they are killed.
const patience = 20 * time.Second

// sweep takes away all that belongs to the folder and the cgroup, and lists it.
func sweep(dir, group string) (found []string, err error) {
	layout, err := cgroups.Detect()
	if err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	for until := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		pids := append(processes(dir), layout.Procs(group)...)
		if len(pids) == 0 {
			break
		}
		if time.Now().After(until) {
			return found, fmt.Errorf("processes %v do not end when they are killed", pids)
		}
		for _, pid := range pids {
			if !seen[pid] {
				seen[pid] = true
				found = append(found, fmt.Sprintf("process %d (%s)", pid, cmdline(pid)))
			}
			_ = unix.Kill(pid, unix.SIGKILL) // gone already is as good
		}
	}
	points, err := mounts(dir)
	if err != nil {
		return found, err
	}
	for _, p := range slices.Backward(points) {
		found = append(found, "mount "+p)
		if err := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL {
			return found, fmt.Errorf("unmount %s: %w", p, err)
		}
	}
	err = errors.Join(layout.Remove(group), os.RemoveAll(dir))
	layout.RemoveIfEmpty(filepath.Dir(group))
	return found, err
}

// processes lists those whose program lies in dir, or whose arguments name it.
func processes(dir string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, _ := os.Readlink(filepath.Join("/proc", e.Name(), "exe")) // ended: empty
		if strings.HasPrefix(exe, dir+"/") || strings.Contains(cmdline(pid), dir+"/") {
			out = append(out, pid)
		}
	}
	return out
}

// cmdline is a process' arguments; empty where it has ended.
func cmdline(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
}

// mounts lists mount points below dir, in the order in which they were mounted.
func mounts(dir string) ([]string, error) {
	all, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range all {
		if m.Mountpoint != dir {
			out = append(out, m.Mountpoint)
		}
	}
	return out, nil
}
