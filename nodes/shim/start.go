package shim

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"cairn/nodes/shim/protocol"
)

// Options say where a shim runs and with what.
type Options struct {
	Binary   string // path of cairn-shim, as installed
	Dir      string // run directory of the pod; exists
	Runc     string // path of runc
	RuncRoot string // runc's state directory
	// Enter moves the new process (by pid) to a cgroup of its own, away from
	// the daemon's, before it starts anything. May be nil.
	Enter func(pid int) error
}

// Start starts a shim and returns once it listens. It outlives the caller. A
// second shim for a directory in which one listens is refused.
func Start(ctx context.Context, o Options) (*Client, error) {
	c := &Client{Dir: o.Dir}
	if _, err := c.Hello(ctx); err == nil {
		return nil, fmt.Errorf("a shim listens in %s already: connect to it", o.Dir)
	}
	log, err := os.OpenFile(filepath.Join(o.Dir, protocol.LogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open shim's log: %w", err)
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command(o.Binary, "--dir", o.Dir, "--runc", o.Runc, "--root", o.RuncRoot)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = w, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("start shim: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	if o.Enter != nil {
		if err := o.Enter(cmd.Process.Pid); err != nil {
			_ = cmd.Process.Kill()
			return nil, fmt.Errorf("move shim to its cgroup: %w", err)
		}
	}
	if line, _ := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		return nil, fmt.Errorf("shim ended before it listened: see %s", log.Name())
	}
	return c, nil
}
