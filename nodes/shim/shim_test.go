package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/guardtest"
	"cairn/nodes/shim/protocol"
)

func TestMain(m *testing.M) { os.Exit(guardtest.Main(m)) }

// begin starts a shim in directories of the test's own.
func begin(t *testing.T) (*Client, Options, context.Context) {
	t.Helper()
	lib := t.TempDir()
	if err := Install(lib); err != nil {
		t.Fatal(err)
	}
	// A path longer than a socket's may be.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	o := Options{Binary: filepath.Join(lib, ShimBinary), Dir: dir, Runc: "runc", RuncRoot: filepath.Join(dir, "runc")}
	c, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Quit(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c, o, ctx
}

func pause(o Options) protocol.Sandbox {
	return protocol.Sandbox{Pause: filepath.Join(filepath.Dir(o.Binary), PauseBinary), Hostname: "pod-name", Net: true}
}

func TestThePauseProcessHoldsNamespacesOfItsOwn(t *testing.T) {
	c, o, ctx := begin(t)
	pid, err := c.Sandbox(ctx, pause(o))
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{"net", "ipc", "uts"} {
		own, err1 := os.Readlink("/proc/self/ns/" + ns)
		its, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
		if err1 != nil || err2 != nil || own == its {
			t.Errorf("%s: %s, %s, %v, %v", ns, own, its, err1, err2)
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || !strings.Contains(string(status), "CapEff:\t0000000000000000") || !strings.Contains(string(status), "Uid:\t65535") {
		t.Errorf("pause has kept rights: %v\n%s", err, status)
	}
	if again, err := c.Sandbox(ctx, pause(o)); err != nil || again != pid {
		t.Errorf("asked again: %d, %v; want %d", again, err, pid)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(ctx, ""); err != nil || !exit.Known || exit.Signal != 9 || exit.Pid != pid {
		t.Errorf("exit %+v, %v", exit, err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, protocol.PauseExitFile)); err != nil {
		t.Error(err)
	}
}

func TestADirectoryHasOneShim(t *testing.T) {
	c, o, ctx := begin(t)
	if _, err := Start(ctx, o); err == nil || !strings.Contains(err.Error(), "connect to it") {
		t.Errorf("a second shim: %v", err)
	}
	if _, st, err := Connect(ctx, o.Dir); err != nil || st.Pid == 0 {
		t.Errorf("connect: %+v, %v", st, err)
	}
	if err := c.Quit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Connect(ctx, o.Dir); !errors.Is(err, ErrGone) {
		t.Errorf("after its end: %v", err)
	}
}

func TestADeadlineThatIsNotMovedEndsTheProcesses(t *testing.T) {
	c, o, ctx := begin(t)
	if _, err := c.Sandbox(ctx, pause(o)); err != nil {
		t.Fatal(err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(ctx, now.Nano()+int64(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(ctx, now.Nano()); err != nil {
		t.Fatal(err)
	}
	exit, err := c.Wait(ctx, "")
	if err != nil || exit.Reason != "DeadlineExceeded" || exit.Signal != 9 {
		t.Errorf("exit %+v, %v", exit, err)
	}
}

func TestWhatRuncRefusesIsTold(t *testing.T) {
	c, o, ctx := begin(t)
	bundle := filepath.Join(o.Dir, "b")
	if err := os.Mkdir(bundle, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.Create(ctx, "x", protocol.Create{Bundle: bundle, LogPath: filepath.Join(o.Dir, "log")})
	if err == nil || !strings.Contains(err.Error(), "runc create") || strings.Contains(err.Error(), "no error in runc's log") {
		t.Errorf("err = %v", err)
	}
	if _, err := c.Wait(ctx, "x"); err == nil {
		t.Error("a container that was not made can be waited for")
	}
}
