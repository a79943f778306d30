package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/supervise"
)

const detachedEnv = "CAIRN_DETACHED"

// isDetached reports whether detach started this process.
func isDetached() bool { return os.Getenv(detachedEnv) != "" }

// detach starts this very command again as a process of its own session,
// without --detach, and returns when the cell is ready.
func detach(out io.Writer, paths cell.Paths) error {
	if err := os.MkdirAll(paths.Logs(), 0o750); err != nil {
		return err
	}
	log, err := os.OpenFile(paths.Log("up"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(a string) bool { return a == "--detach" || a == "--detach=true" })
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), detachedEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	before, _ := os.Stat(paths.Ready())
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	late := time.After(detachPatience)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case err := <-ended:
			tick.Stop()
			code := cell.ExitFailed
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() > 0 {
				code = exit.ExitCode()
			}
			return &cell.Coded{Code: code, Err: errors.New(supervise.LastLine(paths.Log("up")))}
		case <-late:
			tick.Stop()
			return notReady(out, paths)
		case <-tick.C:
			st, err := os.Stat(paths.Ready())
			if err != nil || before != nil && st.ModTime().Equal(before.ModTime()) {
				continue
			}
			tick.Stop()
			lines, err := os.ReadFile(paths.Ready())
			if err != nil {
				return err
			}
			_, err = out.Write(lines)
			return err
		}
	}
}

// notReady shows what the processes said last.
func notReady(out io.Writer, paths cell.Paths) error {
	for _, role := range []string{"up", "server", "node"} {
		for _, line := range supervise.Tail(paths.Log(role), 5) {
			fmt.Fprintf(out, "%s: %s\n", role, line)
		}
	}
	return fmt.Errorf("the cell is not ready after %v, and goes on trying: read the lines above and %s, or end it with `cairn down --data-dir %s`",
		detachPatience, paths.Logs(), paths.Data)
}
