package cell

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSettingsAreFixedAtTheFirstStart(t *testing.T) {
	p := Paths{Data: t.TempDir(), Run: t.TempDir()}
	first, err := Settle(p, Settings{Name: "shop", NodeName: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Ledger != "embedded" || first.PodRange != "10.244.0.0/16" || first.Incarnation == "" || first.Listen != "127.0.0.1:6443" {
		t.Fatalf("defaults: %+v", first)
	}
	again, err := Settle(p, Settings{Listen: "127.0.0.1:7000"})
	if err != nil || again.Incarnation != first.Incarnation || again.Listen != "127.0.0.1:7000" {
		t.Fatalf("second start: %+v, %v", again, err)
	}
	for flag, asked := range map[string]Settings{
		"--name":          {Name: "other"},
		"--ledger":        {Ledger: "kafka://127.0.0.1:9092"},
		"--pod-range":     {PodRange: "10.1.0.0/16"},
		"--service-range": {ServiceRange: "10.2.0.0/16"},
		"--node-ports":    {NodePorts: "29000-29999"},
	} {
		_, err := Settle(p, asked)
		if ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v; want a refusal that names the flag", flag, err)
		}
	}
}

func TestFoldersThatAreNotThisCellsAreRefused(t *testing.T) {
	foreign := Paths{Data: t.TempDir(), Run: t.TempDir()}
	if err := os.WriteFile(filepath.Join(foreign.Data, "photos"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Settle(foreign, Settings{Name: "x", NodeName: "n"}); ExitCode(err) != ExitRefused {
		t.Errorf("a folder with photos: %v; want refused", err)
	}
	newer := Paths{Data: t.TempDir(), Run: t.TempDir()}
	if err := os.WriteFile(newer.Settings(), []byte(`{"format":2,"name":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Settle(newer, Settings{}); ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer format: %v; want refused", err)
	}
}

func TestRangesThatWontDoAreMisuse(t *testing.T) {
	for _, s := range []Settings{
		{PodRange: "10.244.0.1/16"}, {PodRange: "fd00::/64"}, {PodRange: "10.0.0.0/30"}, {PodRange: "all"},
		{ServiceRange: "10.96.0.0/30"}, {PodRange: "10.96.0.0/12"},
	} {
		s.Name, s.NodeName = "x", "n"
		if _, err := Settle(Paths{Data: t.TempDir(), Run: t.TempDir()}, s); ExitCode(err) != ExitUsage {
			t.Errorf("%+v: %v; want misuse", s, err)
		}
	}
}

func TestNamesAndFoldersFollowFromEachOther(t *testing.T) {
	for _, c := range []struct{ name, data, run, wantName, wantData, wantRun string }{
		{"", "", "", "cairn", "/var/lib/cairn", "/run/cairn"},
		{"kafka", "", "", "kafka", "/var/lib/cairn-kafka", "/run/cairn-kafka"},
		{"", "/srv/cairn-shop", "", "shop", "/srv/cairn-shop", "/run/cairn-shop"},
		{"a", "/srv/b", "/run/c", "a", "/srv/b", "/run/c"},
	} {
		name, p, err := Locate(c.name, c.data, c.run)
		if err != nil || name != c.wantName || p.Data != c.wantData || p.Run != c.wantRun {
			t.Errorf("Locate(%q, %q, %q) = %s, %+v, %v", c.name, c.data, c.run, name, p, err)
		}
	}
	if _, _, err := Locate("Not a name", "", ""); ExitCode(err) != ExitUsage {
		t.Errorf("a bad name: %v; want misuse", err)
	}
}

func TestASecondHolderIsToldThePid(t *testing.T) {
	p := Paths{Data: t.TempDir(), Run: t.TempDir()}
	l, err := Take(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(p); ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second: %v; want refused with pid %d", err, os.Getpid())
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(p)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again.Release()
}

func TestAPidFileNamesOneProcessOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pid")
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait() // reaps it, so that it doesn't linger as a zombie
	if err := WritePid(file, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	p, ok := ReadPid(file)
	if !ok || p.Pid != cmd.Process.Pid {
		t.Fatalf("ReadPid = %+v, %t", p, ok)
	}
	other := Process{Pid: p.Pid, Start: p.Start + 1}
	if err := other.End(time.Second); err != nil || !p.Alive() {
		t.Fatalf("a process with another start was ended: %v", err)
	}
	if err := p.End(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if _, ok := ReadPid(file); ok {
		t.Error("a process that ended is taken for alive")
	}
}

func TestAPortInUseNamesItsHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = CheckListen(l.Addr().String())
	if ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("%v; want a refusal that names pid %d", err, os.Getpid())
	}
	if err := CheckListen("nowhere"); ExitCode(err) != ExitUsage {
		t.Errorf("no port: %v; want misuse", err)
	}
	if ExitCode(errors.New("x")) != ExitFailed || ExitCode(nil) != 0 {
		t.Error("exit codes")
	}
}

func TestARunFolderOfSomebodyElsesIsRefused(t *testing.T) {
	mine := Paths{Data: t.TempDir(), Run: t.TempDir()}
	for range 2 { // again after a crash
		if err := Claim(mine); err != nil || !Claimed(mine) {
			t.Fatalf("claim: %v", err)
		}
	}
	other := Paths{Data: t.TempDir(), Run: mine.Run}
	if err := Claim(other); ExitCode(err) != ExitRefused || Claimed(other) {
		t.Errorf("another cell's: %v; want refused", err)
	}
	full := Paths{Data: t.TempDir(), Run: t.TempDir()}
	if err := os.WriteFile(filepath.Join(full.Run, "sshd.pid"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Claim(full); ExitCode(err) != ExitRefused {
		t.Errorf("a folder in use: %v; want refused", err)
	}
}
