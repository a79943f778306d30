package cgroups

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/datadriven"
)

var mountinfoTexts = map[string]string{
	"v2": "30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
	"v1": `30 1 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd`,
}

func layout(t *testing.T, name string) Layout {
	t.Helper()
	text := mountinfoTexts[name]
	if name == "hybrid" {
		text = mountinfoTexts["v1"] + "\n35 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
	}
	l, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var lim Limits
			d.MaybeScanArgs(t, "cpu-request", &lim.MilliCPURequest)
			d.MaybeScanArgs(t, "cpu-limit", &lim.MilliCPULimit)
			d.MaybeScanArgs(t, "memory", &lim.MemoryBytes)
			d.MaybeScanArgs(t, "pids", &lim.Pids)
			if d.Cmd == "resources" {
				b, err := json.MarshalIndent(lim.Resources(), "", " ")
				if err != nil {
					t.Fatal(err)
				}
				return string(b) + "\n"
			}
			var name, group string
			d.ScanArgs(t, "layout", &name)
			d.ScanArgs(t, "group", &group)
			var out strings.Builder
			for _, w := range layout(t, name).Writes(group, lim) {
				fmt.Fprintf(&out, "%s <- %s\n", w.File, w.Value)
			}
			return out.String()
		})
	})
}

func TestAMachineWithoutCgroupsIsRefused(t *testing.T) {
	if _, err := Parse(strings.NewReader("22 1 0:21 / /proc rw - proc proc rw")); err == nil {
		t.Error("a machine without cgroups was accepted")
	}
}

func TestTheRootGroupIsNeverListedOrRemoved(t *testing.T) {
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"", "/", "//", "."} {
		if p := l.Procs(root); len(p) != 0 {
			t.Errorf("%q lists %d processes, which callers would kill", root, len(p))
		}
	}
	if l.Remove("/") == nil || l.Remove("") == nil {
		t.Error("the root group may be removed")
	}
}

func TestAGroupIsMadeEnteredAndRemovedWithAllBelow(t *testing.T) {
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	group := fmt.Sprintf("/cairn-test-%d/pod", os.Getpid())
	t.Cleanup(func() {
		if err := l.Remove(filepath.Dir(group)); err != nil {
			t.Error(err)
		}
	})
	if err := l.Make(group, Limits{MilliCPULimit: 500, MemoryBytes: 64 << 20, Pids: 50}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := l.Enter(group+"/leaf", cmd.Process.Pid); err != nil {
		t.Error(err)
	}
	if got := l.Procs(group); len(got) != 1 || got[0] != cmd.Process.Pid {
		t.Errorf("processes %v, want [%d]", got, cmd.Process.Pid)
	}
	in.Close()
	_ = cmd.Wait()
	if err := l.Remove(group); err != nil {
		t.Error(err)
	}
	for _, m := range l.mounts() {
		if _, err := os.Stat(filepath.Join(m, group)); !os.IsNotExist(err) {
			t.Errorf("%s is still there", filepath.Join(m, group))
		}
	}
}
