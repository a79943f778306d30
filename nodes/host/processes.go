package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
)

// Find implements runtime.Sandboxes.
func (p *pod) Find(ctx context.Context, runs []runtime.Run) (runtime.Found, error) {
	out := runtime.Found{Runs: map[runtime.Run]runtime.Process{}}
	_, st, err := shim.Connect(ctx, p.run)
	if errors.Is(err, shim.ErrGone) {
		return out, fmt.Errorf("%w: %w", runtime.ErrGone, err)
	}
	if err != nil {
		return out, err
	}
	known := map[string]protocol.Process{}
	for _, x := range st.Processes {
		known[x.ID] = x
	}
	if x, ok := known[""]; ok {
		out.Sandbox.Pid = x.Pid
		out.Sandbox.Started, _ = startTicks(x.Pid) // ended: none
		if x.Exit != nil {
			e := exitOf(*x.Exit)
			out.Exit = &e
		}
	}
	for _, r := range runs {
		x, ok := known[p.id.Container(r)]
		out.Runs[r] = p.find(ctx, r, x, ok)
	}
	return out, nil
}

// find says what became of a run, x where the shim knows it.
func (p *pod) find(ctx context.Context, r runtime.Run, x protocol.Process, known bool) runtime.Process {
	var out runtime.Process
	switch {
	case !known:
		e := p.exitLeft(r)
		out.Exit = &e
		return out
	case x.Exit != nil:
		e := p.explain(r, *x.Exit)
		out.Exit = &e
	}
	if image, err := os.ReadFile(filepath.Join(p.bundle(r), startedFile)); err == nil {
		out.Began, out.Image = true, string(image)
		return out
	}
	status, _, there, err := p.m.runc.State(ctx, p.id.Container(r))
	out.Began = err == nil && there && (status == "running" || out.Exit != nil)
	return out
}

// Signal implements runtime.Containers.
func (p *pod) Signal(ctx context.Context, r runtime.Run, sig syscall.Signal) error {
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	err := p.m.runc.Kill(ctx, p.id.Container(r), sig)
	if sig == unix.SIGKILL {
		p.m.killGroup(p.group(r))
	}
	return err
}

// signalTimeout bounds how long runc may take to send a signal.
const signalTimeout = 30 * time.Second

// Wait implements runtime.Containers.
func (p *pod) Wait(ctx context.Context, r runtime.Run) (lifecycle.Exit, error) {
	id := ""
	if r != (runtime.Run{}) {
		id = p.id.Container(r)
	}
	e, err := p.shim().Wait(ctx, id)
	switch {
	case ctx.Err() != nil:
		return lifecycle.Exit{}, ctx.Err()
	case err != nil:
		return lifecycle.Exit{}, fmt.Errorf("%w: %w", runtime.ErrGone, err)
	}
	return p.explain(r, e), nil
}

// explain adds to what the shim saw: the memory killer's work, and the
// container's last word.
func (p *pod) explain(r runtime.Run, e protocol.Exit) lifecycle.Exit {
	out := exitOf(e)
	if r == (runtime.Run{}) {
		return out
	}
	if e.Signal == int(unix.SIGKILL) && p.m.cgroups.OOMKills(p.group(r)) > 0 {
		out.Reason = "OOMKilled"
	}
	if b, err := os.ReadFile(filepath.Join(p.bundle(r), lastWord)); err == nil {
		out.Message = string(bytes.TrimSpace(b[:min(len(b), 4096)]))
	}
	return out
}

func exitOf(e protocol.Exit) lifecycle.Exit {
	return lifecycle.Exit{Known: e.Known, Code: e.Code, Signal: e.Signal, Reason: e.Reason, Finished: e.At}
}

// exitLeft is the end of a run that no shim answers for: its exit file, or
// that nobody knows.
func (p *pod) exitLeft(r runtime.Run) lifecycle.Exit {
	if e, err := shim.ReadExit(p.bundle(r)); err == nil {
		return p.explain(r, e)
	}
	return lifecycle.Exit{Reason: "ContainerStatusUnknown", Message: "The container ended while nobody watched", Finished: time.Now()}
}

// alive reports whether the sandbox's first process runs.
func alive(s runtime.Sandbox) bool {
	t, err := startTicks(s.Pid)
	return s.Pid != 0 && err == nil && t == s.Started
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
