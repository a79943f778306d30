package supervise

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cairn/tools/cairn/cell"
)

// TestMain lets this test binary be the child that the tests supervise.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD") {
	case "":
		os.Exit(m.Run())
	case "refuse":
		fmt.Fprintln(os.Stderr, "cairn: the moon is in the way: move it")
		os.Exit(cell.ExitRefused)
	}
	fmt.Printf("hello from %d\n", os.Getpid())
	fmt.Printf("heard %s\n", <-Lifeline())
}

func child(t *testing.T, mode string) (*Child, Spec) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("CHILD", mode)
	spec := Spec{Role: "server", Path: "/proc/self/exe", Log: filepath.Join(dir, "log"), PidFile: filepath.Join(dir, "pid")}
	return New(spec), spec
}

// eventually waits for a condition, with the log in the failure.
func eventually(t *testing.T, spec Spec, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen: %s; log:\n%s", what, strings.Join(Tail(spec.Log, 50), "\n"))
		}
	}
}

func said(spec Spec, words string) int {
	f, err := os.Open(spec.Log)
	if err != nil {
		return 0
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.Contains(s.Text(), words) {
			n++
		}
	}
	return n
}

func TestAChildThatDiesIsStartedAgain(t *testing.T) {
	c, spec := child(t, "live")
	go c.Run()
	eventually(t, spec, "first life", func() bool { return said(spec, "hello") == 1 })
	var first cell.Process
	eventually(t, spec, "pid file", func() bool { p, ok := cell.ReadPid(spec.PidFile); first = p; return ok })
	if err := (cell.Process{Pid: first.Pid, Start: first.Start}).End(0); err != nil {
		t.Fatal(err)
	}
	eventually(t, spec, "second life", func() bool { p, ok := cell.ReadPid(spec.PidFile); return ok && p.Pid != first.Pid })
	eventually(t, spec, "its greeting", func() bool { return said(spec, "hello") == 2 })
	c.Stop(Drain, 20*time.Second)
	if said(spec, "heard drain") != 1 {
		t.Errorf("the word did not arrive; log:\n%s", strings.Join(Tail(spec.Log, 50), "\n"))
	}
	if _, ok := cell.ReadPid(spec.PidFile); ok {
		t.Error("it still runs after Stop")
	}
}

func TestAChildThatRefusesIsNotStartedAgain(t *testing.T) {
	c, _ := child(t, "refuse")
	go c.Run()
	select {
	case err := <-c.Failed():
		if cell.ExitCode(err) != cell.ExitRefused || !strings.Contains(err.Error(), "move it") {
			t.Errorf("%v; want its own last line and exit code 3", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it was not given up")
	}
}

func TestAChildHearsThatItsSupervisorIsGone(t *testing.T) {
	c, spec := child(t, "live")
	go c.Run()
	eventually(t, spec, "first life", func() bool { return said(spec, "hello") == 1 })
	c.mu.Lock()
	c.lifeline.Close() // as the kernel does when a supervisor is killed
	c.mu.Unlock()
	eventually(t, spec, "its last words", func() bool { return said(spec, "heard gone") == 1 })
	c.Stop("", 20*time.Second)
}
