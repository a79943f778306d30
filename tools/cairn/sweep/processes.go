package sweep

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cairn/nodes/cgroups"
)

// Found is a process of a cell's own programs.
type Found struct {
	Pid     int
	Program string // cairn-shim, cairn-pause
}

// Programs lists the processes that run a program of the folder.
func Programs(dir string) []Found {
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return nil
	}
	var out []Found
	for _, exe := range exes {
		target, err := os.Readlink(exe)
		if err != nil {
			continue // ended meanwhile, or a kernel thread
		}
		target = strings.TrimSuffix(target, " (deleted)")
		if filepath.Dir(target) != filepath.Clean(dir) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(exe, "/")[2]); err == nil {
			out = append(out, Found{pid, filepath.Base(target)})
		}
	}
	return out
}

// processes kills the shims first, so that none starts anything again, then
// whatever is in the cell's cgroups, until nothing is left.
func processes(programs string, layout cgroups.Layout, group string) error {
	const patience = 10 * time.Second
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var left []int
		for _, p := range Programs(programs) {
			left = append(left, p.Pid)
		}
		left = append(left, layout.Procs(group)...)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("processes %v of the cell don't end even when killed: see /proc/PID/stack, and run `cairn down` again", left)
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
		}
	}
}
