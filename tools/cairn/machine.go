package main

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"cairn/events/feed"
	"cairn/tools/cairn/cell"
)

// maxPods is what Kubernetes allows a node by default.
const maxPods = 110

// machineInfo reads what a node tells of its machine.
func machineInfo(s *cell.Settings, data string, addr netip.Addr) (feed.NodeInfo, error) {
	info := feed.NodeInfo{
		Name: s.NodeName, Addresses: []string{addr.String()}, MilliCPU: uint64(runtime.NumCPU()) * 1000, MaxPods: maxPods, Version: version,
		Labels: map[string]string{"kubernetes.io/hostname": s.NodeName, "kubernetes.io/os": runtime.GOOS, "kubernetes.io/arch": runtime.GOARCH},
		BootID: firstLine("/proc/sys/kernel/random/boot_id"), Kernel: firstLine("/proc/sys/kernel/osrelease"), OS: osName(),
	}
	memory, err := memoryBytes()
	if err != nil {
		return info, err
	}
	info.MemoryBytes = memory
	var fs syscall.Statfs_t
	if err := syscall.Statfs(data, &fs); err != nil {
		return info, fmt.Errorf("size of the disk at %s: %w", data, err)
	}
	info.StorageBytes = fs.Blocks * uint64(fs.Bsize)
	return info, nil
}

func firstLine(file string) string {
	b, _ := os.ReadFile(file) // a line that can't be read is left out
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func osName() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return runtime.GOOS
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return runtime.GOOS
}

func memoryBytes() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no MemTotal")
}

// callMyself names this process for ps and top: it was started as
// /proc/self/exe, and would be called exe.
func callMyself(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // the name alone is lost
}

// machineAddress is the address that this machine is known by: the one given,
// else the one it sends from by its default route, else any that is not the
// loopback, else that. Nothing is sent to find out.
func machineAddress(given string) (netip.Addr, error) {
	if given != "" {
		addr, err := netip.ParseAddr(given)
		if err != nil || !addr.Is4() {
			return addr, cell.Misused("--node-address %q won't do: write an IPv4 address of this machine", given)
		}
		return addr, nil
	}
	if c, err := net.Dial("udp4", "203.0.113.1:9"); err == nil { // RFC 5737: nobody's address
		defer c.Close()
		if ap, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil && !ap.Addr().IsLoopback() {
			return ap.Addr(), nil
		}
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr(), nil
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
}
