package cell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFirstStartThatFailsLeavesNothingOfItsOwn(t *testing.T) {
	write := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func(dir string) string {
		list, err := os.ReadDir(dir)
		if err != nil {
			return "none"
		}
		var out []string
		for _, e := range list {
			out = append(out, e.Name())
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		name      string
		had       string // in the data folder before
		begun     bool
		data, run string // after
	}{
		{"new folders", "", false, "none", "none"},
		{"a folder with a broker", "broker/x", false, "broker", "none"},
		{"a cell that was there", "cell.json", false, "begun cell.json lock logs pki", "none"},
		{"a ledger that has begun", "", true, "begun lock logs pki", "none"},
	} {
		dir := t.TempDir()
		p := Paths{Data: filepath.Join(dir, "data"), Run: filepath.Join(dir, "run")}
		if c.had != "" {
			write(filepath.Join(p.Data, c.had))
		}
		a, err := Begin(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := Claim(p); err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(p.Logs(), "up.log"))
		write(filepath.Join(p.PKI(), "ca.key"))
		lock, err := Take(p)
		if err != nil {
			t.Fatal(err)
		}
		before := names(p.Data)
		if err := a.Undo(); err != nil || names(p.Data) != before {
			t.Errorf("%s: while another holds it: %s, %v; want all of %s", c.name, names(p.Data), err, before)
		}
		lock.Release()
		if c.begun || strings.Contains(c.data, "begun") {
			if err := MarkBegun(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Undo(); err != nil || names(p.Data) != c.data || names(p.Run) != c.run {
			t.Errorf("%s: left %q and %q (%v), want %q and %q", c.name, names(p.Data), names(p.Run), err, c.data, c.run)
		}
	}
}

func TestNodePortsAreARangeWithoutTheAPI(t *testing.T) {
	p := Paths{Data: t.TempDir(), Run: t.TempDir()}
	s, err := Settle(p, Settings{Name: "x", NodeName: "n", NodePorts: "29000-29999"})
	if err != nil {
		t.Fatal(err)
	}
	if low, high := s.NodePortRange(); low != 29000 || high != 29999 {
		t.Errorf("range %d-%d", low, high)
	}
	if _, err := Settle(p, Settings{Listen: "127.0.0.1:29500"}); ExitCode(err) != ExitUsage {
		t.Errorf("the API among the node ports: %v; want misuse", err)
	}
	for _, bad := range []string{"30000", "0-5", "9-8", "1-70000", "a-b"} {
		if _, err := Settle(Paths{Data: t.TempDir(), Run: t.TempDir()}, Settings{Name: "x", NodeName: "n", NodePorts: bad}); ExitCode(err) != ExitUsage {
			t.Errorf("%q: %v; want misuse", bad, err)
		}
	}
}
