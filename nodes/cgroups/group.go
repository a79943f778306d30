package cgroups

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Make makes a group in every hierarchy and sets its limits. A controller that
// v2 does not offer fails with the name of the file.
func (l Layout) Make(group string, lim Limits) error {
	for _, m := range l.mounts() {
		if err := makeDir(filepath.Join(m, group)); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	for _, w := range l.Writes(group, lim) {
		err := os.WriteFile(w.File, []byte(w.Value), 0o644)
		if errors.Is(err, fs.ErrNotExist) && filepath.Base(w.File) == "memory.use_hierarchy" {
			continue // gone in newer kernels: always on
		}
		if err != nil {
			return fmt.Errorf("limit cgroup (%s): %w", w.Value, err)
		}
	}
	return nil
}

// makeDir makes a directory and those above it. Another cell's end may remove
// an empty one above it in between: then it is made again.
func makeDir(dir string) (err error) {
	for range 100 {
		if err = os.MkdirAll(dir, 0o755); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// Enter makes a group without limits and moves a process there, in every
// hierarchy but cpuset (a new cpuset admits nobody).
func (l Layout) Enter(group string, pid int) error {
	for _, m := range l.mounts() {
		if m == l.V1["cpuset"] && m != l.V1["cpu"] {
			continue
		}
		dir := filepath.Join(m, group)
		if err := makeDir(dir); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

// Procs lists the processes in a group and below it, each once. Of the root
// group it lists none: its callers kill what it lists.
func (l Layout) Procs(group string) []int {
	var pids []int
	if strings.Trim(filepath.Clean(group), "/.") == "" {
		return nil
	}
	for _, m := range l.mounts() {
		_ = filepath.WalkDir(filepath.Join(m, group), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil
			}
			b, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			if err != nil {
				return nil
			}
			for _, f := range strings.Fields(string(b)) {
				if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// removal is how long Remove waits for a group to get empty.
const removal = 5 * time.Second

// Remove removes a group and all below it, in every hierarchy. A group that is
// not there is no error; one that still holds processes is, after 5 s.
func (l Layout) Remove(group string) error {
	if strings.Trim(group, "/") == "" {
		return fmt.Errorf("refuse to remove the root cgroup")
	}
	until := time.Now().Add(removal)
	for {
		var err error
		for _, m := range l.mounts() {
			err = errors.Join(err, removeTree(filepath.Join(m, group)))
		}
		if err == nil || time.Now().After(until) {
			return err
		}
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// removeTree removes directories from the leaves up: the files in them are the
// kernel's and go with their directory.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return nil
}

// RemoveIfEmpty removes a group that has no children and no processes.
func (l Layout) RemoveIfEmpty(group string) {
	for _, m := range l.mounts() {
		_ = unix.Rmdir(filepath.Join(m, group))
	}
}

// OOMKills counts the processes of a group that the kernel killed for want of
// memory; 0 where it does not say.
func (l Layout) OOMKills(group string) int {
	name := "memory.oom_control"
	if l.IsV2() {
		name = "memory.events"
	}
	b, err := os.ReadFile(l.file("memory", group, name))
	if err != nil {
		return 0
	}
	s := bufio.NewScanner(bytes.NewReader(b))
	for s.Scan() {
		if v, ok := strings.CutPrefix(s.Text(), "oom_kill "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}
