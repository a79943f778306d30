package guardtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// watched names, in a guard's environment, the folder that it watches over.
const watched = "CAIRN_TEST_GUARD"

// group is this test binary's.
var group string

// Group is the cgroup below which this binary's tests make theirs.
func Group() string {
	if group == "" {
		panic("guard: TestMain must call guardtest.Main before a cgroup is named")
	}
	return group
}

func groupOf(dir string) string { return "/cairn-test/" + filepath.Base(dir) }

// Main runs the tests under a guard and returns the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(guardtest.Main(m)) }
func Main(m *testing.M) int {
	if dir := os.Getenv(watched); dir != "" {
		return keep(dir, os.Stdin)
	}
	wait, err := begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	code := m.Run()
	if left := wait(); left != nil {
		fmt.Fprintln(os.Stderr, "guard:", left)
		return max(code, 1)
	}
	return code
}

// begin starts the guard. What it returns ends the watch: an error says that
// something was left.
func begin() (wait func() error, err error) {
	dir, err := os.MkdirTemp("", "cairn-test-")
	if err != nil {
		return nil, err
	}
	// The guard has the old TMPDIR: it must not live in what it removes.
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), watched+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	group = groupOf(dir)
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, err
	}
	return func() error {
		if err := pipe.Close(); err != nil {
			return err
		}
		return cmd.Wait()
	}, nil
}

// keep is the guard's life: it waits for the end of the tests and sweeps.
func keep(dir string, tests io.Reader) int {
	_, _ = io.Copy(io.Discard, tests) // ends when they do, however they do
	found, err := sweep(dir, groupOf(dir))
	if err != nil {
		fmt.Fprintf(os.Stderr, "guard: cannot clear away what tests left in %s: %v\n", dir, err)
		return 1
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "guard: the tests left behind (taken away now): %v\n", found)
		return 1
	}
	return 0
}
