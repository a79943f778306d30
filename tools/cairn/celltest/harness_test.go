package celltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait: far more than a busy machine takes.
const patience = 120 * time.Second

var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary builds cairn once per run, with the flags of this run.
func binary(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "cairn-bin-"); built.err != nil {
			return
		}
		if out, err := exec.Command("../../../nodes/shim/build.sh").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the shim: %w\n%s", err, out)
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.dir, "cairn"),
			"-ldflags", "-X k8s.io/component-base/version.gitVersion=v1.37.1+cairn -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
			"cairn/tools/cairn")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build cairn: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "cairn")
}

// Cell is one cell on a machine of its own.
type Cell struct {
	t        *testing.T
	bin      string
	name     string
	dir      string // short: unix sockets lie below it
	machine  string // network namespace
	outside  string // its default gateway
	ledger   string
	pods     string
	services string
	listen   string
}

var number atomic.Uint32

// New makes a machine with its outside; Up starts the cell.
func New(t *testing.T) *Cell {
	t.Helper()
	t.Parallel()
	bin := binary(t)
	dir, err := os.MkdirTemp("", "ct")
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("%d-%d", os.Getpid(), number.Add(1))
	c := &Cell{t: t, bin: bin, name: "t" + id, dir: dir, machine: "cairn-t" + id + "-m", outside: "cairn-t" + id + "-o",
		ledger: "embedded", pods: "10.244.0.0/16", services: "10.96.0.0/16", listen: "127.0.0.1:6443"}
	t.Cleanup(c.remove)
	// What a test registers later, a broker say, ends before.
	c.sh("ip", "netns", "add", c.machine)
	c.sh("ip", "netns", "add", c.outside)
	m, o := []string{"ip", "-n", c.machine}, []string{"ip", "-n", c.outside}
	c.sh(append(m, "link", "add", "up0", "type", "veth", "peer", "name", "out0", "netns", c.outside)...)
	for _, l := range [][]string{
		append(m, "link", "set", "lo", "up"), append(m, "addr", "add", "198.51.100.2/24", "dev", "up0"),
		append(m, "link", "set", "up0", "up"), append(o, "link", "set", "lo", "up"),
		append(o, "addr", "add", "198.51.100.1/24", "dev", "out0"), append(o, "link", "set", "out0", "up"),
		append(m, "route", "add", "default", "via", "198.51.100.1"),
	} {
		c.sh(l...)
	}
	// The kernel says a moment later that a link is up, and shows its routes as
	// down until then: what was there before must not change by itself.
	c.Eventually("the uplink", func() (bool, string) {
		said := c.sh("ip", "-n", c.machine, "-o", "link", "show", "up0")
		return strings.Contains(said, "state UP"), said
	})
	return c
}

func (c *Cell) data() string { return filepath.Join(c.dir, "data") }
func (c *Cell) run() string  { return filepath.Join(c.dir, "run") }

// sh runs a command of the machine itself, outside the cell's namespace.
func (c *Cell) sh(args ...string) string {
	c.t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Result is what a command said.
type Result struct {
	Out, Err string
	Code     int
}

// command prepares a command on the cell's machine. nsenter changes the
// network namespace alone; `ip netns exec` would hide the cgroups too.
func (c *Cell) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + c.machine, "--"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.data(), "kubeconfig"), "SUDO_USER=alice", "HOME="+c.dir)
	return cmd
}

// On runs any command on the cell's machine.
func (c *Cell) On(args ...string) Result { return c.OnWith("", args...) }

// OnWith is On with text for its standard input.
func (c *Cell) OnWith(stdin string, args ...string) Result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := c.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// Cairn runs the binary.
func (c *Cell) Cairn(args ...string) Result {
	c.t.Helper()
	return c.On(append([]string{c.bin}, args...)...)
}

// Up starts the cell as `cairn up --detach` with more flags.
func (c *Cell) Up(more ...string) {
	c.t.Helper()
	if r := c.up(more...); r.Code != 0 {
		c.t.Fatalf("up: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
}

func (c *Cell) up(more ...string) Result {
	return c.Cairn(append([]string{"up", "--detach", "--name", c.name, "--data-dir", c.data(), "--run-dir", c.run(),
		"--listen", c.listen, "--ledger", c.ledger, "--pod-range", c.pods, "--service-range", c.services, "--node-name", "n1"}, more...)...)
}

// Must runs kubectl and wants success.
func (c *Cell) Must(args ...string) string {
	c.t.Helper()
	r := c.Kubectl(args...)
	if r.Code != 0 {
		c.t.Fatalf("kubectl %s: exit %d\n%s%s", strings.Join(args, " "), r.Code, r.Out, r.Err)
	}
	return r.Out
}

// Kubectl runs the kubectl that is built in.
func (c *Cell) Kubectl(args ...string) Result {
	c.t.Helper()
	return c.Cairn(append([]string{"kubectl"}, args...)...)
}

// Apply applies YAML.
func (c *Cell) Apply(yaml string) {
	c.t.Helper()
	if r := c.OnWith(yaml, c.bin, "kubectl", "apply", "-f", "-"); r.Code != 0 {
		c.t.Fatalf("apply: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
}

// Eventually waits for a condition; say tells what was seen last.
func (c *Cell) Eventually(what string, ok func() (done bool, say string)) {
	c.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		done, say := ok()
		if done {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("not seen in %v: %s; last:\n%s", patience, what, say)
		}
	}
}

// remove ends the cell, however it is, and shows its logs if the test failed.
func (c *Cell) remove() {
	if _, err := os.Stat(filepath.Join(c.data(), "cell.json")); err == nil {
		if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 {
			c.t.Errorf("down: exit %d\n%s%s", r.Code, r.Out, r.Err)
		}
	}
	if c.t.Failed() {
		for _, role := range []string{"up", "server", "node"} {
			b, _ := os.ReadFile(filepath.Join(c.data(), "logs", role+".log"))
			c.t.Logf("---- %s.log, its end:\n%s", role, b[max(0, len(b)-6000):])
		}
	}
	exec.Command("ip", "netns", "del", c.machine).Run()
	exec.Command("ip", "netns", "del", c.outside).Run()
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Errorf("remove %s: %v", c.dir, err)
	}
}
