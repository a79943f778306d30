package cell

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process names one process beyond doubt: a pid used again has another start.
type Process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"` // field 22 of /proc/PID/stat, clock ticks since boot
}

// Identify looks a running process up.
func Identify(pid int) (Process, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	// The name in parentheses may hold anything: count from the last one.
	s := string(b)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	if fields[0] == "Z" {
		return Process{}, fmt.Errorf("process %d has ended: %w", pid, os.ErrNotExist)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return Process{Pid: pid, Start: start}, err
}

// Alive reports whether that very process still runs.
func (p Process) Alive() bool {
	now, err := Identify(p.Pid)
	return err == nil && now.Start == p.Start
}

// WritePid notes a process in a pid file.
func WritePid(path string, pid int) error {
	p, err := Identify(pid)
	if err != nil {
		return err
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return Replace(path, append(b, '\n'), 0o644)
}

// ReadPid returns the process that a pid file names, if it still runs.
func ReadPid(path string) (Process, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Process{}, false
	}
	var p Process
	if json.Unmarshal(b, &p) != nil || p.Pid <= 1 {
		return Process{}, false
	}
	return p, p.Alive()
}

// End asks a process to end, waits, and kills it when it takes longer. It does
// nothing to a process that has the pid but is another.
func (p Process) End(patience time.Duration) error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.Pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("end process %d: %w", p.Pid, err)
	}
	if p.gone(patience) {
		return nil
	}
	if err := syscall.Kill(p.Pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("kill process %d: %w", p.Pid, err)
	}
	if !p.gone(5 * time.Second) {
		return fmt.Errorf("process %d does not end even when killed: see /proc/%d/stack", p.Pid, p.Pid)
	}
	return nil
}

// gone waits for the process' end.
func (p Process) gone(patience time.Duration) bool {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if !p.Alive() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
