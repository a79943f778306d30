package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nobody is the user that pause is once it has set its namespaces up.
const nobody = 65535

func main() {
	debug.SetGCPercent(20)
	hostname := flag.String("hostname", "", "host name to set")
	lo := flag.Bool("lo", false, "bring the loopback link up")
	var sysctls list
	flag.Var(&sysctls, "sysctl", "name=value to write, again for each")
	flag.Parse()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGCHLD)
	if err := setUp(*hostname, *lo, sysctls); err != nil {
		fmt.Fprintln(os.Stderr, "cairn-pause:", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_ = os.Stdout.Close()
	for s := range signals {
		if s != unix.SIGCHLD {
			os.Exit(0)
		}
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}

func setUp(hostname string, lo bool, sysctls list) error {
	if hostname != "" {
		if err := unix.Sethostname([]byte(hostname)); err != nil {
			return fmt.Errorf("set host name: %w", err)
		}
	}
	if lo {
		if err := linkUp("lo"); err != nil {
			return fmt.Errorf("bring lo up: %w", err)
		}
	}
	for _, s := range sysctls {
		name, value, _ := strings.Cut(s, "=")
		path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return fmt.Errorf("set sysctl: %w", err)
		}
	}
	// The syscall package applies these to every thread, x/sys does not.
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("drop groups: %w", err)
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("drop to group %d: %w", nobody, err)
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("drop to user %d: %w", nobody, err)
	}
	return nil
}

// linkUp sets IFF_UP on a link of the current network namespace.
func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var req struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], name)
	req.flags = unix.IFF_UP | unix.IFF_RUNNING
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req)))
	if errno != 0 {
		return errno
	}
	return nil
}

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }
