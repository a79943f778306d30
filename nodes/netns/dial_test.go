package netns

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// elsewhere runs f on a thread in a network namespace of its own, with lo up,
// and gives that thread's id. The namespace goes with the thread.
func elsewhere(t *testing.T, f func() error) int {
	t.Helper()
	ready, done := make(chan int), make(chan struct{})
	t.Cleanup(func() { close(done) })
	fail := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			var out []byte
			if out, err = exec.Command("/bin/busybox", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
				err = fmt.Errorf("%w: %s (run `make setup`)", err, out)
			}
		}
		if err == nil {
			err = f()
		}
		if err != nil {
			fail <- err
			return
		}
		ready <- unix.Gettid()
		<-done
	}()
	select {
	case err := <-fail:
		t.Fatal(err)
		return 0
	case tid := <-ready:
		return tid
	}
}

func TestDialReachesAListenerThatOnlyTheNamespaceSees(t *testing.T) {
	var l net.Listener
	tid := elsewhere(t, func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.WriteString(c, "hello")
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, tid, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
		t.Errorf("read %q, %v", b, err)
	}
	if c, err := Dial(ctx, 0, "tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("the listener is reached from outside its namespace")
	}
}

func TestANamespaceThatIsGoneIsAnError(t *testing.T) {
	if _, err := Dial(context.Background(), 1<<22-1, "tcp", "127.0.0.1:1"); err == nil {
		t.Error("dialled from nowhere")
	}
}
