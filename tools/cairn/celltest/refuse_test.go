package celltest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongInputIsRefusedWithOneLineOnWhatToDo tries what people get wrong.
func TestWrongInputIsRefusedWithOneLineOnWhatToDo(t *testing.T) {
	c := New(t)
	c.Up()
	want := c.refused
	up := func(args ...string) Result { return c.Cairn(append([]string{"up"}, args...)...) }
	other := filepath.Join(c.dir, "other")
	fresh := func(more ...string) Result {
		return up(append([]string{"--detach", "--name", "other", "--data-dir", other, "--run-dir", filepath.Join(c.dir, "other-run"), "--node-name", "n"}, more...)...)
	}
	want("a second up", c.up(), 3, "runs on "+c.data(), "pid")
	gone := func() {
		t.Helper()
		for _, dir := range []string{other, filepath.Join(c.dir, "other-run")} {
			if list, err := os.ReadDir(dir); err == nil {
				t.Errorf("a start that was refused left %s with %v", dir, list)
				os.RemoveAll(dir)
			}
		}
	}
	want("a port in use", fresh("--listen", c.listen), 3, "in use by cairn server of cell "+c.name, "pid", "--listen")
	gone()
	want("another ledger for the same data", up("--data-dir", c.data(), "--run-dir", c.run(), "--ledger", "kafka://127.0.0.1:1"), 3, "runs on")
	free := []string{"--listen", "127.0.0.1:6553", "--pod-range", "10.99.0.0/16", "--service-range", "10.97.0.0/16"}
	want("no Kafka there", fresh(append(free, "--node-ports", "29000-29009", "--ledger", "kafka://127.0.0.1:1")...), 3, "127.0.0.1:1")
	gone()
	want("ranges that overlap", fresh("--pod-range", "10.96.0.0/12"), 2, "overlap")
	want("a bad range", fresh("--pod-range", "10.0.0.1/33"), 2, "--pod-range")
	want("bad node ports", fresh("--node-ports", "30000"), 2, "--node-ports")
	want("a bad ledger", fresh("--ledger", "postgres://x"), 2, "--ledger")
	want("a bad flag", up("--sideways"), 2, "--sideways")
	want("a bad WHEN", c.Cairn("events", "--since", "yesterday"), 2, "yesterday")
	want("a bad kind", c.Cairn("why", "gizmo/x"), 2, "gizmo")
	want("an object that never was", c.Cairn("why", "po/nobody"), 1, "nobody")
	want("no such cell", c.Cairn("down", "--data-dir", filepath.Join(c.dir, "nowhere")), 3, "no cell")
	foreign := filepath.Join(c.dir, "photos")
	if err := os.MkdirAll(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "cat.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want("a folder of something else", up("--name", "other", "--data-dir", foreign, "--run-dir", filepath.Join(c.dir, "r2"), "--node-name", "n"), 3, "cat.jpg")
	unprivileged := c.On("setpriv", "--reuid=65534", "--clear-groups", "--", c.bin, "up", "--data-dir", filepath.Join(c.dir, "mine"))
	if unprivileged.Code != 3 || !strings.Contains(unprivileged.Err, "root") {
		t.Errorf("without root: exit %d\n%s", unprivileged.Code, unprivileged.Err)
	}
	// A range that the machine or another cell has: by name, and with the flag to change.
	gone()
	want("a range of the machine's", fresh("--listen", "127.0.0.1:6553", "--pod-range", "198.51.0.0/16", "--service-range", "10.97.0.0/16"), 3, "--pod-range", "198.51.100.0/24")
	want("a range of another cell's", fresh("--listen", "127.0.0.1:6553", "--pod-range", "10.99.0.0/16"), 3, "--service-range", c.name)
	want("another cell's node ports", fresh(free...), 3, "--node-ports", c.name)
	want("another cell's name", up(append(free, "--name", c.name, "--data-dir", other, "--run-dir", filepath.Join(c.dir, "other-run"), "--node-name", "n")...), 3, "--name", c.data())
	gone()
	c.misfed()
	c.runsBeside(other, fresh(append(free, "--node-ports", "29000-29009")...))
	gone()
	// None of this has touched the cell that runs.
	log, err := os.ReadFile(filepath.Join(c.data(), "logs", "node.log"))
	if err != nil || strings.Contains(string(log), "repaired") {
		t.Errorf("the running cell's network was disturbed (%v):\n%s", err, log)
	}
}

// runsBeside tries a second cell, which started with node ports of its own.
func (c *Cell) runsBeside(data string, started Result) {
	c.t.Helper()
	if started.Code != 0 {
		c.t.Fatalf("a second cell: exit %d\n%s%s", started.Code, started.Out, started.Err)
	}
	second := func(args ...string) Result { return c.Kubectl(append([]string{"--data-dir", data}, args...)...) }
	if r := second("create", "service", "nodeport", "x", "--tcp=80", "--node-port=30000"); r.Code == 0 || !strings.Contains(r.Err, "29000-29009") {
		c.t.Errorf("a node port outside: exit %d %s%s", r.Code, r.Out, r.Err)
	}
	if r := second("create", "service", "nodeport", "x", "--tcp=80", "--node-port=29003"); r.Code != 0 {
		c.t.Errorf("a node port inside: exit %d %s%s", r.Code, r.Out, r.Err)
	}
	if r := c.Cairn("down", "--data-dir", data, "--purge=other"); r.Code != 0 {
		c.t.Errorf("down: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
}

// refused wants an exit code, and one line that has these words.
func (c *Cell) refused(what string, r Result, code int, words ...string) {
	c.t.Helper()
	line := strings.TrimSpace(r.Err)
	if r.Code != code || strings.Contains(line, "\n") || !strings.HasPrefix(line, "cairn: ") {
		c.t.Errorf("%s: exit %d, want %d and one line:\n%s%s", what, r.Code, code, r.Out, r.Err)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			c.t.Errorf("%s: does not say %q: %s", what, w, line)
		}
	}
}

// misfed tries files that won't do.
func (c *Cell) misfed() {
	c.t.Helper()
	text := filepath.Join(c.dir, "words.txt")
	if err := os.WriteFile(text, []byte("no archive"), 0o644); err != nil {
		c.t.Fatal(err)
	}
	imports := func(file string) Result { return c.Cairn("image", "import", "--data-dir", c.data(), file) }
	c.refused("an archive that is none", imports(text), 1, text)
	c.refused("an archive that is not there", imports(text+".tar"), 2, text+".tar")
	c.refused("a kubeconfig that is not there", c.On("env", "KUBECONFIG=/nowhere", c.bin, "kubectl", "get", "pods"), 3, "/nowhere", "cairn up")
}
