package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

// drain is how long the end of a process waits for the last of its output.
const drain = 2 * time.Second

// create runs `runc create`: afterwards the container's first process waits
// for `runc start` and is this shim's child.
func (s *shim) create(id string, c protocol.Create) (int, error) {
	s.mu.Lock()
	if old := s.procs[id]; old != nil {
		s.mu.Unlock()
		return 0, fmt.Errorf("container %q is here already (pid %d)", id, old.pid)
	}
	s.mu.Unlock()
	io, err := openStreams(c)
	if err != nil {
		return 0, err
	}
	pidFile := filepath.Join(c.Bundle, "init.pid")
	logFile := filepath.Join(c.Bundle, "runc.log")
	args := []string{"--root", s.root, "--log", logFile, "--log-format", "json", "create", "--bundle", c.Bundle, "--pid-file", pidFile}
	if io.console != nil {
		args = append(args, "--console-socket", io.console.path)
	}
	cmd := exec.Command(s.runc, append(args, id)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.childStdin, io.childStdout, io.childStderr
	err = cmd.Run()
	if err == nil {
		err = io.receiveConsole()
	}
	io.closeChildEnds()
	if err != nil {
		io.close()
		return 0, fmt.Errorf("runc create: %w: %s", err, runcComplaint(logFile))
	}
	pid, err := readPid(pidFile)
	if err != nil {
		io.close()
		return 0, err
	}
	p := &process{id: id, pid: pid, done: make(chan struct{}), io: io}
	s.mu.Lock()
	s.procs[id] = p
	s.mu.Unlock()
	io.start()
	go s.reap(p, filepath.Join(c.Bundle, protocol.ExitFile))
	return pid, nil
}

// reap waits for p, records its end durably and then answers who waits.
func (s *shim) reap(p *process, exitFile string) {
	exit := waitFor(p.pid)
	if p.io != nil {
		p.io.finish(drain)
	}
	s.mu.Lock()
	exit.Reason = p.reason
	s.mu.Unlock()
	if err := writeByRename(exitFile, exit); err != nil {
		fmt.Fprintln(os.Stderr, "cairn-shim: record exit:", err)
	}
	s.mu.Lock()
	p.exit = &exit
	s.mu.Unlock()
	close(p.done)
}

func waitFor(pid int) protocol.Exit {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		exit := protocol.Exit{Pid: pid, At: time.Now()}
		switch {
		case err != nil:
		case ws.Signaled():
			exit.Known, exit.Signal, exit.Code = true, int(ws.Signal()), 128+int(ws.Signal())
		default:
			exit.Known, exit.Code = true, ws.ExitStatus()
		}
		return exit
	}
}

func writeByRename(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func readPid(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read pid that runc wrote: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// runcComplaint picks the last error out of runc's own log.
func runcComplaint(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "runc left no log"
	}
	last := "no error in runc's log"
	for _, line := range bytes.Split(b, []byte{'\n'}) {
		var e struct{ Level, Msg string }
		if json.Unmarshal(line, &e) == nil && (e.Level == "error" || e.Level == "fatal") {
			last = e.Msg
		}
	}
	return last
}
