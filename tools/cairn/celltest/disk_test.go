package celltest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFullDiskRefusesWritesAndLosesNothing(t *testing.T) {
	c := New(t)
	if err := os.Mkdir(c.data(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", c.data(), "tmpfs", 0, "size=32m,mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the cell's own: nothing may hold it by then
		c.Cairn("down", "--data-dir", c.data(), "--run-dir", c.run())
		if err := syscall.Unmount(c.data(), 0); err != nil {
			t.Error(err)
		}
	})
	c.Up()
	c.Must("create", "configmap", "before", "--from-literal=a=b")
	filler := filepath.Join(c.data(), "logs", "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	value := filepath.Join(c.dir, "value")
	if err := os.WriteFile(value, []byte(strings.Repeat("0123456789abcdef", 40<<10)), 0o600); err != nil {
		t.Fatal(err)
	}
	// What was set aside for the ledger ahead takes a little more.
	taken := 0
	c.Eventually("a refusal", func() (bool, string) {
		r := c.Kubectl("create", "configmap", "full-"+itoa(taken), "--from-file="+value)
		if r.Code == 0 {
			taken++
			return false, r.Out
		}
		if !strings.Contains(r.Err, "no space left") {
			t.Errorf("the refusal does not tell why: %s", r.Err)
		}
		return true, r.Err
	})
	c.Must("get", "configmap", "before") // reads go on
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.Must("create", "configmap", "after", "--from-file="+value)
	have := strings.Fields(c.Must("get", "configmaps", "-o", "name"))
	if want := taken + 3; len(have) != want { // and kube-root-ca.crt, before, after
		t.Errorf("%d config maps, want %d: %v", len(have), want+1, have)
	}
	c.replayMatches()
}

func TestDamageIsNamedAndNothingIsStartedOnIt(t *testing.T) {
	c := New(t)
	c.Up()
	c.Must("create", "configmap", "a")
	where := []string{"--data-dir", c.data(), "--run-dir", c.run()}
	if r := c.Cairn(append([]string{"down"}, where...)...); r.Code != 0 {
		t.Fatalf("down: %s%s", r.Out, r.Err)
	}
	if r := c.Cairn(append([]string{"status"}, where...)...); r.Code != 1 || !strings.Contains(r.Out, "records") || !strings.Contains(r.Err, "cairn up --data-dir "+c.data()) {
		t.Errorf("status of a stopped cell: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	segments, err := filepath.Glob(filepath.Join(c.data(), "ledger", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	sound, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), sound...)
	damaged[len(damaged)/2] ^= 0xff
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(segments[0], damaged)
	for command, code := range map[string]int{"replay": 5, "status": 5} {
		if r := c.Cairn(append([]string{command}, where...)...); r.Code != code || !strings.Contains(r.Err, segments[0]) || !strings.Contains(r.Err, "damaged at offset") {
			t.Errorf("%s: exit %d, want %d\n%s%s", command, r.Code, code, r.Out, r.Err)
		}
	}
	if r := c.up(); r.Code != 3 || !strings.Contains(r.Err, segments[0]) {
		t.Errorf("up: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	write(segments[0], sound)
	settings, err := os.ReadFile(filepath.Join(c.data(), "cell.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(c.data(), "cell.json"), []byte(strings.Replace(string(settings), `"format": 1`, `"format": 99`, 1)))
	for _, command := range []string{"up", "replay", "status", "down"} {
		if r := c.Cairn(append([]string{command}, where...)...); r.Code != 3 || !strings.Contains(r.Err, "format 99") {
			t.Errorf("%s on a newer format: exit %d\n%s%s", command, r.Code, r.Out, r.Err)
		}
	}
	write(filepath.Join(c.data(), "cell.json"), settings)
	ring := filepath.Join(c.data(), "keys", "encryption")
	if err := os.Rename(ring, ring+".away"); err != nil {
		t.Fatal(err)
	}
	if r := c.up(); r.Code != 3 || !strings.Contains(r.Err, ring) || !strings.Contains(r.Err, "no Secret") {
		t.Errorf("up without the key ring: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if err := os.Rename(ring+".away", ring); err != nil {
		t.Fatal(err)
	}
	c.replayMatches()
	c.Up()
	c.Must("get", "configmap", "a")
}
