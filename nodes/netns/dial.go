package netns

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Dial connects to a literal IP and port from the network namespace of pid.
func Dial(ctx context.Context, pid int, network, address string) (net.Conn, error) {
	var d net.Dialer
	if pid == 0 {
		return d.DialContext(ctx, network, address)
	}
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = inside(pid, func() error {
			var err error
			r.c, err = d.DialContext(ctx, network, address)
			return err
		})
		done <- r
	}()
	r := <-done
	return r.c, r.err
}

// inside runs f on a thread that is in the namespace of pid.
func inside(pid int, f func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer own.Close()
	other, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("the pod's network is gone: %w", err)
	}
	defer other.Close()
	if err := unix.Setns(int(other.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the pod's network: %w", err)
	}
	err = f()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back == nil {
		runtime.UnlockOSThread()
	} // else the goroutine ends locked, and its thread with it
	return err
}
