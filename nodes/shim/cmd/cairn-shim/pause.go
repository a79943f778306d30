package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

// startPause makes the pod's namespaces: the pause process is started in them
// and its /proc/PID/ns files name them from then on. Asked again, it answers
// with the process that runs, or starts another where the first one ended.
func (s *shim) startPause(b protocol.Sandbox) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.procs[""]; p != nil && p.exit == nil {
		return p.pid, nil
	}
	args := []string{"--hostname", b.Hostname}
	flags := uintptr(syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS)
	if b.Net {
		flags |= syscall.CLONE_NEWNET
		args = append(args, "--lo")
	}
	if b.PID {
		flags |= syscall.CLONE_NEWPID
	}
	for k, v := range b.Sysctls {
		args = append(args, "--sysctl", k+"="+v)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var complaint bytes.Buffer
	cmd := exec.Command(b.Pause, args...)
	cmd.Dir = "/"
	cmd.Env = []string{}
	cmd.Stdout = w
	errR, errW, err := os.Pipe()
	if err != nil {
		w.Close()
		return 0, err
	}
	defer errR.Close()
	cmd.Stderr = errW
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true}
	err = cmd.Start()
	w.Close()
	errW.Close()
	if err != nil {
		return 0, fmt.Errorf("start pause: %w", err)
	}
	if line, _ := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		_, _ = complaint.ReadFrom(errR)
		_ = cmd.Wait()
		return 0, fmt.Errorf("pause did not get ready: %s", bytes.TrimSpace(complaint.Bytes()))
	}
	p := &process{pid: cmd.Process.Pid, done: make(chan struct{})}
	s.procs[""] = p
	go s.reap(p, protocol.PauseExitFile)
	return p.pid, nil
}

// killPause ends the pause process and waits for it, one second at most.
func (s *shim) killPause() {
	s.mu.Lock()
	p := s.procs[""]
	s.mu.Unlock()
	if p == nil {
		return
	}
	select {
	case <-p.done:
		return
	default:
	}
	_ = unix.Kill(p.pid, unix.SIGKILL)
	select {
	case <-p.done:
	case <-time.After(time.Second):
	}
}
