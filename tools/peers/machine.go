package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of CPU times in /proc: USER_HZ, 100 on all of Linux' ports
// that Go knows.
const tick = 10 * time.Millisecond

// twoCPUs confines this process, and with it all it starts, to two CPUs of
// those it may use, and returns which.
func twoCPUs() ([]int, error) {
	var have, two unix.CPUSet
	if err := unix.SchedGetaffinity(0, &have); err != nil {
		return nil, fmt.Errorf("which CPUs there are: %w", err)
	}
	var cpus []int
	for i := 0; i < 1024 && len(cpus) < 2; i++ {
		if have.IsSet(i) {
			two.Set(i)
			cpus = append(cpus, i)
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	for _, t := range tasks { // affinity belongs to threads; new ones inherit it
		id, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(id, &two); err != nil {
			return nil, fmt.Errorf("stay on two CPUs: %w", err)
		}
	}
	return cpus, nil
}

// cpuOf is the CPU time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	return parseCPU(b)
}

// parseCPU reads utime and stime, fields 14 and 15; the name in field 2 may
// hold anything but ends with the last parenthesis.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("process status %q has no CPU times", stat)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err
}

// busy is the time that the given CPUs have worked for anybody.
func busy(cpus []int) (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(string(b), cpus)
}

// parseBusy sums user, nice, system, irq, softirq and steal of some CPUs.
func parseBusy(stat string, cpus []int) (sum time.Duration, err error) {
	for _, c := range cpus {
		_, rest, ok := strings.Cut(stat, fmt.Sprintf("cpu%d ", c))
		line, _, _ := strings.Cut(rest, "\n")
		f := strings.Fields(line)
		if !ok || len(f) < 8 {
			return 0, fmt.Errorf("CPU %d is not in the kernel's statistics", c)
		}
		for _, i := range []int{0, 1, 2, 5, 6, 7} {
			n, err := strconv.ParseInt(f[i], 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// usage is a process' resident bytes.
type usage struct {
	now  int64
	own  int64 // of them, what no file backs
	peak int64 // at most since resetPeak
}

func memory(pid int) (u usage, err error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return u, err
	}
	for key, into := range map[string]*int64{"VmRSS:": &u.now, "RssAnon:": &u.own, "VmHWM:": &u.peak} {
		if *into, err = parseKB(string(b), key); err != nil {
			return u, err
		}
	}
	return u, nil
}

func parseKB(status, key string) (int64, error) {
	_, rest, ok := strings.Cut(status, key)
	f := strings.Fields(rest)
	if !ok || len(f) < 2 || f[1] != "kB" {
		return 0, fmt.Errorf("process status has no %s", key)
	}
	n, err := strconv.ParseInt(f[0], 10, 64)
	return n << 10, err
}

// resetPeak has a process' peak counted anew from what it holds now.
func resetPeak(pid int) error {
	return os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0)
}
