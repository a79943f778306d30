package sweep

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"cairn/nodes/cgroups"
)

func TestProcessesAreFoundByTheirProgramAndTheirCgroup(t *testing.T) {
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "cairn-shim")
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	layout, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	group := Group("sweeptest-" + filepath.Base(dir))
	if err := layout.Make(group, cgroups.Limits{}); err != nil {
		t.Fatal(err)
	}
	defer layout.Remove(group)
	ours, contained, other := exec.Command(program, "60"), exec.Command(sleep, "60"), exec.Command(sleep, "60")
	for _, c := range []*exec.Cmd{ours, contained, other} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		go c.Wait()
	}
	if err := layout.Enter(group, contained.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if found := Programs(dir); len(found) != 1 || found[0].Pid != ours.Process.Pid || found[0].Program != "cairn-shim" {
		t.Fatalf("Programs = %+v; want pid %d", found, ours.Process.Pid)
	}
	if err := processes(dir, layout, group); err != nil {
		t.Fatal(err)
	}
	if found, procs := Programs(dir), layout.Procs(group); len(found) > 0 || len(procs) > 0 {
		t.Errorf("left: %v, %v", found, procs)
	}
	if err := unix.Kill(other.Process.Pid, 0); err != nil {
		t.Errorf("a process of nobody's was ended: %v", err)
	}
}

func TestMountsOfTheCellAloneAreUndone(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	inner := filepath.Join(dir, "a b")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, point := range []string{inner, inner, kept} {
		if err := unix.Mount("tmpfs", point, "tmpfs", 0, "size=1m"); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(point, unix.MNT_DETACH)
	}
	if err := mounts(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := below([]string{dir}); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, err := below([]string{filepath.Dir(kept)}); err != nil || len(left) == 0 {
		t.Errorf("another's mount was undone (%v)", err)
	}
}
