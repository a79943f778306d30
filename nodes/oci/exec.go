package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"cairn/nodes/runtime"
)

// Exec is another process in a running container.
type Exec struct {
	ID, Bundle string
	Command    []string
	runtime.Streams
}

// How long the end of an exec waits for runc to note the process's pid.
const (
	pidTries = 400
	pidEvery = 5 * time.Millisecond
)

// Exec runs the process with the environment, user and rights of the
// container's own, and waits for it. A process that ran is no error, whatever
// its code; one that could not be started is. When ctx ends it is killed.
func (r *Runtime) Exec(ctx context.Context, e Exec) (code int, err error) {
	dir, err := os.MkdirTemp(e.Bundle, "exec-")
	if err != nil {
		return 0, fmt.Errorf("exec: the container is gone: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := e.writeProcess(filepath.Join(dir, "process.json")); err != nil {
		return 0, fmt.Errorf("exec: %w", err)
	}
	logFile := filepath.Join(dir, "runc.log")
	pidFile := filepath.Join(dir, "pid")
	cmd := exec.CommandContext(ctx, r.Path, "--root", r.Root, "--log", logFile, "--log-format", "json",
		"exec", "--process", filepath.Join(dir, "process.json"), "--pid-file", pidFile, e.ID)
	cmd.Cancel = func() error {
		// runc lets the process run before it notes its pid: without that
		// pid, killing runc alone would leave the process behind.
		for range pidTries {
			if killByFile(pidFile) {
				break
			}
			time.Sleep(pidEvery)
		}
		return cmd.Process.Kill()
	}
	cmd.WaitDelay = 2 * time.Second
	if e.TTY {
		err = e.runTerminal(cmd)
	} else {
		cmd.Stdout, cmd.Stderr = e.Stdout, e.Stderr
		err = e.runPipes(cmd)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &exit):
		if _, started := os.Stat(pidFile); started != nil {
			return 0, fmt.Errorf("exec %q: %s", strings.Join(e.Command, " "), complaint(logFile))
		}
		return exit.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil // ended well; a process it left behind holds its output
	}
	return 0, err
}

func (e *Exec) writeProcess(path string) error {
	b, err := os.ReadFile(filepath.Join(e.Bundle, "config.json"))
	if err != nil {
		return fmt.Errorf("the container is gone: %w", err)
	}
	var s specs.Spec
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read the container's config: %w", err)
	}
	p := s.Process
	p.Args, p.Terminal = e.Command, e.TTY
	if e.TTY {
		p.Env = append(p.Env, "TERM=xterm")
	}
	if b, err = json.Marshal(p); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// runPipes feeds stdin from a goroutine of its own: a reader that never ends
// must not hold up the end of the process.
func (e *Exec) runPipes(cmd *exec.Cmd) error {
	if e.Stdin == nil {
		return cmd.Run()
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, e.Stdin)
		in.Close()
	}()
	return cmd.Wait()
}

// runTerminal gives runc a terminal of ours, which it passes on to the one that
// it makes in the container: its size follows ours by SIGWINCH.
func (e *Exec) runTerminal(cmd *exec.Cmd) error {
	master, err := pty.StartWithAttrs(cmd, nil, &syscall.SysProcAttr{Setsid: true, Setctty: true})
	if err != nil {
		return fmt.Errorf("exec: open a terminal: %w", err)
	}
	defer master.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s, ok := <-e.Resize:
				if !ok {
					return
				}
				_ = pty.Setsize(master, &pty.Winsize{Rows: s.Height, Cols: s.Width})
			case <-done:
				return
			}
		}
	}()
	if e.Stdin != nil {
		go func() { _, _ = io.Copy(master, e.Stdin) }()
	}
	out := e.Stdout
	if out == nil {
		out = io.Discard
	}
	_, _ = io.Copy(out, master) // EIO when the last of the other side is closed
	return cmd.Wait()
}

// killByFile kills the process that a pid file names, and reports whether
// it named one.
func killByFile(pidFile string) bool {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 {
		return false
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	return true
}

// complaint is the last error in runc's log.
func complaint(logFile string) string {
	b, _ := os.ReadFile(logFile)
	last := "runc ended without saying why"
	for _, line := range strings.Split(string(b), "\n") {
		var m struct{ Level, Msg string }
		if json.Unmarshal([]byte(line), &m) == nil && m.Level == "error" {
			last = m.Msg
		}
	}
	return last
}
