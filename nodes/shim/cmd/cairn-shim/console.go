package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

// console is the socket on which runc hands over the master of a terminal.
type console struct {
	path string
	dir  string
	l    *net.UnixListener
}

// listenConsole listens in a short temporary directory: the path must fit in
// 108 bytes, and a bundle's path may be longer.
func listenConsole(string) (*console, error) {
	dir, err := os.MkdirTemp("", "cairn-tty-")
	if err != nil {
		return nil, fmt.Errorf("make directory for console socket: %w", err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("listen for terminal: %w", err)
	}
	return &console{path: path, dir: dir, l: l}, nil
}

func (c *console) receive() (*os.File, error) {
	_ = c.l.SetDeadline(time.Now().Add(10 * time.Second))
	conn, err := c.l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	name, oob := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, oob)
	if err != nil {
		return nil, err
	}
	msgs, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return nil, fmt.Errorf("runc sent %d descriptors (%v), want one", len(msgs), err)
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("runc sent %d descriptors (%v), want one", len(fds), err)
	}
	syscall.CloseOnExec(fds[0])
	_ = syscall.SetNonblock(fds[0], true)
	return os.NewFile(uintptr(fds[0]), "terminal"), nil
}

func (c *console) close() {
	c.l.Close()
	os.RemoveAll(c.dir)
}

func (s *shim) resize(id string, size *protocol.WindowSize) error {
	p, err := s.find(id)
	if err != nil {
		return err
	}
	if p.io == nil || p.io.console == nil || size == nil {
		return fmt.Errorf("container %q has no terminal", id)
	}
	return p.io.resize(*size)
}

func (s *streams) resize(size protocol.WindowSize) error {
	raw, err := s.stdout.SyscallConn()
	if err != nil {
		return err
	}
	var ioctl error
	err = raw.Control(func(fd uintptr) {
		ioctl = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
	if err != nil {
		return err
	}
	return ioctl
}
