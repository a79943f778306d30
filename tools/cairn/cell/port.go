package cell

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// CheckListen refuses an address that cannot be listened on, naming the
// process that has the port where /proc tells.
func CheckListen(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 || net.ParseIP(host) == nil {
		return Misused("--listen %q won't do: write ADDRESS:PORT, such as 127.0.0.1:6443", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l.Close()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return Refuse("%s is in use%s: end that process, or choose another address with --listen", addr, holder(net.ParseIP(host), port))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return Refuse("%s is no address of this machine: choose another with --listen (`ip address` lists them)", host)
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

// programOf names a process by its program; one of ours by its cell, too.
func programOf(pid string) string {
	b, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	words := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	name := filepath.Base(words[0])
	if name != "cairn" || len(words) < 2 {
		if comm, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil && words[0] == "" {
			name = strings.TrimSpace(string(comm)) // a kernel's thread, or one that hides its words
		}
		return name
	}
	name += " " + words[1]
	for i, w := range words[:len(words)-1] {
		if w == "--data-dir" {
			if s, err := Load(Paths{Data: words[i+1]}); err == nil {
				name += " of cell " + s.Name
			}
		}
	}
	return name
}

// holder names the process that listens on a TCP port: " by cairn server of cell NAME (pid N)".
func holder(host net.IP, port string) string {
	n, _ := strconv.Atoi(port)
	want := fmt.Sprintf(":%04X", n)
	// The kernel writes the address' bytes the other way round.
	var mine string
	if v4 := host.To4(); v4 != nil {
		mine = fmt.Sprintf("%02X%02X%02X%02X", v4[3], v4[2], v4[1], v4[0])
	}
	clashes := func(local string) bool {
		addr, ok := strings.CutSuffix(local, want)
		// Another address with the same port is in nobody's way.
		return ok && (mine == "" || host.IsUnspecified() || strings.Trim(addr, "0") == "" || strings.HasSuffix(addr, mine))
	}
	inodes := make(map[string]bool)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) > 9 && clashes(f[1]) && f[3] == "0A" {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && inodes[target] {
			pid := strings.Split(fd, "/")[2]
			return fmt.Sprintf(" by %s (pid %s)", programOf(pid), pid)
		}
	}
	return ""
}
