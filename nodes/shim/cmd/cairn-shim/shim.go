package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

// shim is the state of one pod's processes.
//
// Invariant: a process stays in procs from its creation until it is forgotten,
// ended or not; its done channel is closed after its exit file is in place.
type shim struct {
	dir, runc, root string

	mu       sync.Mutex
	procs    map[string]*process // by ID; pause under ""
	deadline *time.Timer
}

// process is one child of the shim.
type process struct {
	id     string
	pid    int
	reason string // why the shim killed it
	exit   *protocol.Exit
	done   chan struct{}
	io     *streams // nil for pause
}

func newShim(dir, runc, root string) *shim {
	return &shim{dir: dir, runc: runc, root: root, procs: map[string]*process{}}
}

func (s *shim) serve(c net.Conn) {
	defer c.Close()
	var req protocol.Request
	if err := protocol.Receive(c, &req); err != nil {
		return
	}
	if req.Op == protocol.OpAttach {
		s.attach(c, req)
		return
	}
	reply, err := s.do(c, req)
	if err != nil {
		reply.Error = err.Error()
	}
	if req.Op == protocol.OpQuit {
		_ = os.Remove(protocol.SocketFile) // who was answered finds no shim any more
	}
	_ = protocol.Send(c, reply)
	if req.Op == protocol.OpQuit {
		os.Exit(0)
	}
}

func (s *shim) do(c net.Conn, req protocol.Request) (protocol.Reply, error) {
	switch req.Op {
	case protocol.OpHello:
		return protocol.Reply{State: s.state()}, nil
	case protocol.OpSandbox:
		if req.Sandbox == nil {
			return protocol.Reply{}, fmt.Errorf("sandbox request without sandbox")
		}
		pid, err := s.startPause(*req.Sandbox)
		return protocol.Reply{Pid: pid}, err
	case protocol.OpCreate:
		if req.Create == nil || req.ID == "" {
			return protocol.Reply{}, fmt.Errorf("create request without container")
		}
		pid, err := s.create(req.ID, *req.Create)
		return protocol.Reply{Pid: pid}, err
	case protocol.OpWait:
		return s.wait(c, req.ID)
	case protocol.OpResize:
		return protocol.Reply{}, s.resize(req.ID, req.Size)
	case protocol.OpDeadline:
		return protocol.Reply{}, s.setDeadline(req.Deadline)
	case protocol.OpForget:
		return protocol.Reply{}, s.forget(req.ID)
	case protocol.OpQuit:
		s.killPause()
		return protocol.Reply{}, nil
	}
	return protocol.Reply{}, fmt.Errorf("this shim (version %d) does not know %q: restart the pod to get a newer one", protocol.Version, req.Op)
}

func (s *shim) state() *protocol.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &protocol.State{Version: protocol.Version, Pid: os.Getpid()}
	for _, p := range s.procs {
		st.Processes = append(st.Processes, protocol.Process{ID: p.id, Pid: p.pid, Exit: p.exit})
	}
	return st
}

func (s *shim) find(id string) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[id]
	if p == nil {
		return nil, fmt.Errorf("no process %q in this pod", id)
	}
	return p, nil
}

// wait answers when the process ended; a caller that hangs up is let go.
func (s *shim) wait(c net.Conn, id string) (protocol.Reply, error) {
	p, err := s.find(id)
	if err != nil {
		return protocol.Reply{}, err
	}
	gone := make(chan struct{})
	go func() {
		_, _ = c.Read(make([]byte, 1))
		close(gone)
	}()
	select {
	case <-p.done:
		return protocol.Reply{Exit: p.exit}, nil
	case <-gone:
		return protocol.Reply{}, fmt.Errorf("caller left")
	}
}

func (s *shim) forget(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[id]
	if p == nil {
		return nil
	}
	if p.exit == nil {
		return fmt.Errorf("process %q still runs", id)
	}
	delete(s.procs, id)
	return nil
}

// setDeadline arms, moves or (at 0) disarms the time at which all processes
// are killed, on the boot clock so that a suspended machine keeps its word.
func (s *shim) setDeadline(boot int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deadline != nil {
		s.deadline.Stop()
		s.deadline = nil
	}
	if boot == 0 {
		return nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return fmt.Errorf("read boot clock: %w", err)
	}
	s.deadline = time.AfterFunc(max(0, min(time.Duration(boot-now.Nano()), time.Second)), func() { s.checkDeadline(boot) })
	return nil
}

// checkDeadline looks again each second: a timer alone stands still while the
// machine is suspended.
func (s *shim) checkDeadline(boot int64) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err == nil && now.Nano() < boot {
		s.mu.Lock()
		if s.deadline != nil {
			s.deadline.Reset(min(time.Duration(boot-now.Nano()), time.Second))
		}
		s.mu.Unlock()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deadline == nil {
		return
	}
	for _, p := range s.procs {
		if p.exit == nil {
			p.reason = "DeadlineExceeded"
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
	}
}
