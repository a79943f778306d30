package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Durable is a broker that keeps its data when it is killed.
type Durable struct {
	Addr   string
	dir    string
	script string
	ports  [2]int
	pid    int // of the last start
}

// NewDurable starts a broker of the test's own with a data folder that
// outlives the broker; both go with the test.
func NewDurable(t testing.TB) *Durable {
	t.Helper()
	return NewDurableIn(t, t.TempDir())
}

// NewDurableIn does so in a folder of the caller's.
func NewDurableIn(t testing.TB, dir string) *Durable {
	t.Helper()
	d := &Durable{dir: dir}
	var err error
	if d.script, err = Script(); err != nil {
		t.Fatal(err)
	}
	for i := range d.ports {
		if d.ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
	}
	d.Addr = fmt.Sprintf("127.0.0.1:%d", d.ports[0])
	t.Cleanup(func() {
		if out, err := exec.Command(d.script, "stop", d.dir).CombinedOutput(); err != nil {
			t.Errorf("stop the broker: %v: %s", err, out)
			d.Kill(t)
		}
	})
	d.Start(t)
	return d
}

// Start starts the broker, if it does not run, and waits until it serves.
func (d *Durable) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(d.script, "start", d.dir, strconv.Itoa(d.ports[0]), strconv.Itoa(d.ports[1]))
	cmd.Env = patient()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("start the broker: %v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(d.dir, "kafka.pid"))
	if err == nil {
		d.pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Kill ends the broker with kill -9 and waits until it is gone.
func (d *Durable) Kill(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) { // one without a disk ends itself
		t.Fatalf("kill the broker: %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", d.pid)) // empty for a zombie
		if err != nil || len(cmdline) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker, process %d, outlives kill -9", d.pid)
		}
	}
}
