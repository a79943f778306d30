package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/volumes"
)

// place is where the files of one pod lie.
type place struct {
	run    string // in memory
	data   string // on disk
	logs   string
	cgroup string

	namespace, name, uid string
}

func (d *Daemon) place(a feed.Assignment) place {
	return place{
		run:    filepath.Join(d.cfg.RunDir, "pods", a.UID),
		data:   filepath.Join(d.cfg.DataDir, "pods", a.UID),
		logs:   filepath.Join(d.cfg.DataDir, "logs", a.Namespace+"_"+a.Name+"_"+a.UID),
		cgroup: d.cfg.CgroupParent + "/" + a.UID,

		namespace: a.Namespace, name: a.Name, uid: a.UID,
	}
}

// run is the n-th run of a container, from 0.
type run struct {
	container string
	n         int
}

func (r run) String() string { return r.container + "-" + strconv.Itoa(r.n) }

func (p place) id(r run) string     { return p.uid + "-" + r.String() }
func (p place) bundle(r run) string { return filepath.Join(p.run, "c", r.String()) }
func (p place) rootfs(r run) string { return filepath.Join(p.data, "c", r.String()) }
func (p place) group(r run) string  { return p.cgroup + "/" + r.String() }
func (p place) logDir(container string) string {
	return filepath.Join(p.logs, container)
}
func (p place) log(r run) string {
	return filepath.Join(p.logDir(r.container), strconv.Itoa(r.n)+".log")
}
func (p place) shm() string             { return filepath.Join(p.run, "shm") }
func (p place) file(name string) string { return filepath.Join(p.run, name) }
func (p place) volumes() volumes.Dirs {
	return volumes.Dirs{Disk: filepath.Join(p.data, "volumes"), Memory: filepath.Join(p.run, "volumes")}
}

// runs lists every run of which something is left, in memory or on disk.
func (p place) runs() []run {
	var out []run
	seen := map[string]bool{}
	for _, dir := range []string{filepath.Join(p.run, "c"), filepath.Join(p.data, "c")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			i := strings.LastIndexByte(e.Name(), '-')
			if i <= 0 || seen[e.Name()] {
				continue
			}
			if n, err := strconv.Atoi(e.Name()[i+1:]); err == nil {
				seen[e.Name()] = true
				out = append(out, run{e.Name()[:i], n})
			}
		}
	}
	return out
}

// pauseProcess is a pod's pause process.
//
// Invariant: a process is it only if pid and start time are both equal: pids
// are used again.
type pauseProcess struct {
	Pid   int
	Ticks uint64 // its start time, in clock ticks since boot
}

func (p pauseProcess) alive() bool {
	t, err := startTicks(p.Pid)
	return p.Pid != 0 && err == nil && t == p.Ticks
}

// startTicks reads field 22 of /proc/PID/stat (proc_pid_stat(5)).
func startTicks(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 {
		return 0, fmt.Errorf("process %d: short stat", pid)
	}
	if f[0] == "Z" {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	return strconv.ParseUint(f[19], 10, 64)
}

// memo is what a new daemon must know of a pod: pod.json. It holds no secret.
type memo struct {
	Assignment  feed.Assignment
	Offset      events.Offset
	Gone        bool `json:",omitempty"`
	Pod         *corev1.Pod
	State       lifecycle.State
	Started     time.Time
	Pause       pauseProcess
	StopSignals map[string]string `json:",omitempty"`
	Status      *corev1.PodStatus `json:",omitempty"` // last reported
}

const memoFile = "pod.json"

func readMemo(dir string) (memo, error) {
	var m memo
	b, err := os.ReadFile(filepath.Join(dir, memoFile))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, memoFile), err)
	}
	if m.Assignment.UID != filepath.Base(dir) {
		return m, fmt.Errorf("%s speaks of another pod (%q)", dir, m.Assignment.UID)
	}
	return m, nil
}

func writeMemo(dir string, b []byte) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	tmp := filepath.Join(dir, memoFile+".tmp")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, memoFile))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
