package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

func main() {
	debug.SetGCPercent(20)
	runtime.GOMAXPROCS(2)
	dir := flag.String("dir", "", "run directory of the pod")
	runc := flag.String("runc", "runc", "path of runc")
	root := flag.String("root", "", "state directory of runc")
	flag.Parse()
	if err := run(*dir, *runc, *root); err != nil {
		fmt.Fprintln(os.Stderr, "cairn-shim:", err)
		os.Exit(1)
	}
}

func run(dir, runc, root string) error {
	// A terminal's hang-up or a closed reader must not end the pod.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGPIPE)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	// Relative, because a socket's path must fit in 108 bytes.
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("enter run directory: %w", err)
	}
	_ = os.Remove(protocol.SocketFile)
	l, err := net.Listen("unix", protocol.SocketFile)
	if err != nil {
		return fmt.Errorf("listen on %s in %s: %w", protocol.SocketFile, dir, err)
	}
	if err := os.Chmod(protocol.SocketFile, 0o600); err != nil {
		return err
	}
	fmt.Println("ready")
	_ = os.Stdout.Close()
	s := newShim(dir, runc, root)
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go s.serve(c)
	}
}
