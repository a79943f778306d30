package celltest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// left lists what a cell would leave behind, found without Cairn's help.
func (c *Cell) left() map[string]string {
	c.t.Helper()
	out := map[string]string{
		"links":      c.sh("ip", "-n", c.machine, "-o", "link", "show"),
		"routes":     c.sh("ip", "-n", c.machine, "-4", "route", "show", "table", "all"),
		"rules":      c.On("nft", "list", "ruleset").Out,
		"forwarding": c.On("cat", "/proc/sys/net/ipv4/ip_forward").Out,
		"mounts":     grepFile("/proc/self/mountinfo", c.dir),
		"cgroups":    "",
		"processes":  "",
	}
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == c.name {
			out["cgroups"] += path + "\n"
		}
		return nil
	})
	if st, err := os.Stat("/run/netns/" + c.machine); err == nil {
		claims, _ := filepath.Glob(fmt.Sprintf("/run/cairn-net/%d/*", st.Sys().(*syscall.Stat_t).Ino))
		out["claims"] = strings.Join(claims, "\n")
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		exe, _ := os.Readlink(p + "/exe")
		args, _ := os.ReadFile(p + "/cmdline")
		if strings.HasPrefix(exe, c.dir) || strings.Contains(string(args), c.data()) {
			out["processes"] += fmt.Sprintln(p, exe, strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return out
}

func grepFile(file, word string) string {
	b, _ := os.ReadFile(file)
	var out strings.Builder
	for _, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, word) {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// compare fails for whatever is there now and was not before.
func (c *Cell) compare(before map[string]string) {
	c.t.Helper()
	for what, now := range c.left() {
		if now != before[what] {
			c.t.Errorf("left behind, %s:\n%s\nbefore:\n%s", what, now, before[what])
		}
	}
	if _, err := os.Stat(c.run()); !os.IsNotExist(err) {
		c.t.Errorf("left behind: %s (%v)", c.run(), err)
	}
}

func TestDownLeavesNothingButTheData(t *testing.T) {
	c := New(t)
	before := c.left()
	c.Up()
	c.importImages("busybox.tar")
	c.Apply(sleeper("one"))
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 || !strings.Contains(r.Out, c.data()) {
		t.Fatalf("down: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	c.compare(before)
	// The ledger is kept, and a stopped cell can be replayed.
	c.replayMatches()
	// The next start goes on from it: the pod runs again.
	c.Up()
	c.Must("wait", "--for=condition=Ready", "pod/one", "--timeout=90s")
	// Killed at once, the whole cell is cleaned up after all the same.
	for _, p := range c.processes("supervisor", "server", "node") {
		kill9(t, p)
	}
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 {
		t.Fatalf("down after kill -9: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	c.compare(before)
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run(), "--purge=wrong"); r.Code != 3 {
		t.Errorf("purge with another name: exit %d, want 3\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run(), "--purge="+c.name); r.Code != 0 {
		t.Errorf("purge: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if _, err := os.Stat(c.data()); !os.IsNotExist(err) {
		t.Errorf("purge left %s", c.data())
	}
}

// TestContainersEndByTheirOwnGraceAndAreBackAtOnce: a container that takes its
// time to end gets it, also where all processes of the cell were killed before,
// and the next start waits for no back-off.
func TestContainersEndByTheirOwnGraceAndAreBackAtOnce(t *testing.T) {
	c := New(t)
	c.Up()
	c.importImages("busybox.tar")
	c.Apply(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"slow"},"spec":{"terminationGracePeriodSeconds":20,"volumes":[{"name":"v","emptyDir":{}}],
"containers":[{"name":"main","image":"examples/busybox:1","imagePullPolicy":"Never","volumeMounts":[{"name":"v","mountPath":"/v"}],
"command":["sh","-c","trap 'sleep 2; echo ended >>/v/ends; exit 0' TERM; echo begun >>/v/ends; while :; do sleep 0.1; done"]}]}}`)
	c.Must("wait", "--for=condition=Ready", "pod/slow", "--timeout=90s")
	for _, dead := range [][]string{nil, {"supervisor", "server", "node"}} {
		for _, p := range c.processes(dead...) {
			kill9(t, p)
		}
		if r := c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run()); r.Code != 0 {
			t.Fatalf("down: exit %d\n%s%s", r.Code, r.Out, r.Err)
		}
		began := time.Now()
		c.Up()
		c.Must("wait", "--for=condition=Ready", "pod/slow", "--timeout=90s")
		// A back-off is 10 s at least.
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("back after %v", took)
		}
	}
	if got := c.Must("exec", "slow", "--", "cat", "/v/ends"); got != "begun\nended\nbegun\nended\nbegun\n" {
		t.Errorf("the container says %q", got)
	}
	c.Eventually("its end on record", func() (bool, string) {
		r := c.Cairn("events", "--type", "container.exited", "po/slow")
		return strings.Contains(r.Out, "CellEnded"), r.Out + r.Err
	})
}
