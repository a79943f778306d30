package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cairn/nodes/runtime"
	"cairn/nodes/volumes"
)

// paths is where the files of one pod lie.
type paths struct {
	run    string // in memory
	data   string // on disk
	logs   string
	cgroup string
}

func (m *Runtime) paths(id runtime.ID) paths {
	return paths{
		run:    filepath.Join(m.cfg.RunDir, "pods", id.UID),
		data:   filepath.Join(m.cfg.DataDir, "pods", id.UID),
		logs:   filepath.Join(m.cfg.DataDir, "logs", id.Namespace+"_"+id.Name+"_"+id.UID),
		cgroup: m.cfg.CgroupParent + "/" + id.UID,
	}
}

func (p paths) bundle(r runtime.Run) string { return filepath.Join(p.run, "c", r.String()) }
func (p paths) rootfs(r runtime.Run) string { return filepath.Join(p.data, "c", r.String()) }
func (p paths) group(r runtime.Run) string  { return p.cgroup + "/" + r.String() }
func (p paths) log(r runtime.Run) string {
	return filepath.Join(p.logs, r.Container, strconv.Itoa(r.N)+".log")
}
func (p paths) shm() string             { return filepath.Join(p.run, "shm") }
func (p paths) file(name string) string { return filepath.Join(p.run, name) }
func (p paths) volumes() volumes.Dirs {
	return volumes.Dirs{Disk: filepath.Join(p.data, "volumes"), Memory: filepath.Join(p.run, "volumes")}
}

// runs lists every run of which something is left, in memory or on disk.
func (p paths) runs() []runtime.Run {
	var out []runtime.Run
	seen := map[string]bool{}
	for _, dir := range []string{filepath.Join(p.run, "c"), filepath.Join(p.data, "c")} {
		entries, _ := os.ReadDir(dir) // not there: none
		for _, e := range entries {
			i := strings.LastIndexByte(e.Name(), '-')
			if i <= 0 || seen[e.Name()] {
				continue
			}
			if n, err := strconv.Atoi(e.Name()[i+1:]); err == nil {
				seen[e.Name()] = true
				out = append(out, runtime.Run{Container: e.Name()[:i], N: n})
			}
		}
	}
	return out
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
