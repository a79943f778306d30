package guardtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/cgroups"
)

// messy is set for a copy of this binary whose tests leave all they can.
const messy = "CAIRN_TEST_MESSY"

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestWhatAKilledTestLeavesIsTakenAway kills a test binary that has a process
// in a cgroup, another one that names its folder, and a mount.
func TestWhatAKilledTestLeavesIsTakenAway(t *testing.T) {
	if os.Getenv(messy) != "" {
		makeAMess(t)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), messy+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	var pids [2]int
	for s := bufio.NewScanner(out); s.Scan() && dir == ""; {
		if text, ok := strings.CutPrefix(s.Text(), "mess "); ok {
			if _, err := fmt.Sscan(text, &dir, &pids[0], &pids[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if dir == "" {
		t.Fatal("the copy made no mess")
	}
	if err := unix.Kill(cmd.Process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	l, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Dir(dir)
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := append(processes(base), l.Procs(groupOf(base))...)
		points, err := mounts(base)
		_, gone := os.Stat(base)
		if err == nil && len(left) == 0 && len(points) == 0 && os.IsNotExist(gone) {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("left: processes %v, mounts %v, folder %v", left, points, gone == nil)
		}
	}
	for _, pid := range pids {
		if c := cmdline(pid); strings.Contains(c, "sleep") {
			t.Errorf("process %d (%s) still runs", pid, c)
		}
	}
}

func makeAMess(t *testing.T) {
	dir, err := os.MkdirTemp("", "mess")
	if err != nil {
		t.Fatal(err)
	}
	in := exec.Command("sleep", "3600")
	named := exec.Command("sh", "-c", "sleep 3600; :", dir+"/shim")
	for _, c := range []*exec.Cmd{in, named} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{in.Process.Pid, named.Process.Pid} {
		if err := l.Enter(Group()+"/pod", pid); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nmess %s %d %d\n", dir, in.Process.Pid, named.Process.Pid)
	select {} // until it is killed
}
