package sweep

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cairn/nodes/cgroups"
	"cairn/tools/cairn/cell"
)

// Drain asks every container of the cell on this machine to end, and returns
// when all have, or after the patience given; Cell kills the rest. The node
// daemon must have ended: it would start them again.
func Drain(paths cell.Paths, s *cell.Settings, patience time.Duration) error {
	layout, err := cgroups.Detect()
	if err != nil {
		return err
	}
	asked := make(map[int]bool)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left := contained(layout.Procs(Group(s.Name)), paths.Programs())
		if len(left) == 0 {
			return nil
		}
		for pid, first := range left {
			if first && !asked[pid] {
				asked[pid] = true
				_ = syscall.Kill(pid, syscall.SIGTERM) // gone already is as good
			}
		}
	}
	return nil
}

// contained picks the processes of containers, not our own programs, and says
// of each whether it is a container's first: those are their shim's children.
func contained(pids []int, programs string) map[int]bool {
	ours := make(map[int]bool)
	out := make(map[int]bool)
	for _, pid := range pids {
		exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
		if err != nil {
			continue // it has ended
		}
		if filepath.Dir(strings.TrimSuffix(exe, " (deleted)")) == filepath.Clean(programs) {
			ours[pid] = true
			continue
		}
		out[pid] = false
	}
	for _, p := range Programs(programs) {
		ours[p.Pid] = true
	}
	for pid := range out {
		out[pid] = ours[parent(pid)]
	}
	return out
}

// parent reads a process' parent; 0 where it has ended.
func parent(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1]) // 0 where it can't be read
	return ppid
}
