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
	want := func(what string, r Result, code int, words ...string) {
		t.Helper()
		line := strings.TrimSpace(r.Err)
		if r.Code != code || strings.Contains(line, "\n") || !strings.HasPrefix(line, "cairn: ") {
			t.Errorf("%s: exit %d, want %d and one line:\n%s%s", what, r.Code, code, r.Out, r.Err)
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				t.Errorf("%s: does not say %q: %s", what, w, line)
			}
		}
	}
	up := func(args ...string) Result { return c.Cairn(append([]string{"up"}, args...)...) }
	other := filepath.Join(c.dir, "other")
	fresh := func(more ...string) Result {
		return up(append([]string{"--detach", "--name", "other", "--data-dir", other, "--run-dir", filepath.Join(c.dir, "other-run"), "--node-name", "n"}, more...)...)
	}
	want("a second up", c.up(), 3, "runs on "+c.data(), "pid")
	want("a port in use", fresh("--listen", c.listen), 3, "in use", "pid", "--listen")
	want("another ledger for the same data", up("--data-dir", c.data(), "--run-dir", c.run(), "--ledger", "kafka://127.0.0.1:1"), 3, "runs on")
	os.RemoveAll(other)
	want("no Kafka there", fresh("--listen", "127.0.0.1:6553", "--ledger", "kafka://127.0.0.1:1"), 3, "127.0.0.1:1")
	os.RemoveAll(other)
	os.RemoveAll(filepath.Join(c.dir, "other-run"))
	want("ranges that overlap", fresh("--pod-range", "10.96.0.0/12"), 2, "overlap")
	want("a bad range", fresh("--pod-range", "10.0.0.1/33"), 2, "--pod-range")
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
	os.RemoveAll(other)
	want("a range of the machine's", fresh("--listen", "127.0.0.1:6553", "--pod-range", "198.51.0.0/16", "--service-range", "10.97.0.0/16"), 3, "--pod-range", "198.51.100.0/24")
	os.RemoveAll(other)
	want("a range of another cell's", fresh("--listen", "127.0.0.1:6553", "--pod-range", "10.99.0.0/16"), 3, "--service-range")
	// None of this has touched the cell that runs.
	log, err := os.ReadFile(filepath.Join(c.data(), "logs", "node.log"))
	if err != nil || strings.Contains(string(log), "repaired") {
		t.Errorf("the running cell's network was disturbed (%v):\n%s", err, log)
	}
}
