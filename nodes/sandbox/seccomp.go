package sandbox

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// blocked are system calls that docker's default profile is documented to
// block, by the capability that lifts the block.
var blocked = map[string][]string{
	"CAP_SYS_ADMIN": {"bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount", "mount_setattr", "move_mount",
		"open_tree", "perf_event_open", "pivot_root", "quotactl", "quotactl_fd", "setns", "swapoff", "swapon", "umount", "umount2", "unshare"},
	"CAP_SYS_MODULE":      {"create_module", "delete_module", "finit_module", "get_kernel_syms", "init_module", "query_module"},
	"CAP_SYS_BOOT":        {"kexec_file_load", "kexec_load", "reboot"},
	"CAP_SYS_TIME":        {"clock_adjtime", "clock_settime", "settimeofday", "stime"},
	"CAP_SYS_PACCT":       {"acct"},
	"CAP_SYS_RAWIO":       {"ioperm", "iopl"},
	"CAP_SYS_NICE":        {"mbind", "move_pages", "set_mempolicy"},
	"CAP_SYS_PTRACE":      {"kcmp", "process_madvise"},
	"CAP_DAC_READ_SEARCH": {"open_by_handle_at"},
	"":                    {"_sysctl", "add_key", "io_uring_enter", "io_uring_register", "io_uring_setup", "keyctl", "nfsservctl", "request_key", "sysfs", "userfaultfd", "uselib", "ustat", "vm86", "vm86old"},
}

// seccompDefault is the profile of type RuntimeDefault for a container with
// these capabilities.
func seccompDefault(caps []string) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	eperm := uint(unix.EPERM)
	var names []string
	for capability, calls := range blocked {
		if capability == "" || !slices.Contains(caps, capability) {
			names = append(names, calls...)
		}
	}
	slices.Sort(names)
	p.Syscalls = []specs.LinuxSyscall{{Names: names, Action: specs.ActErrno, ErrnoRet: &eperm}}
	if slices.Contains(caps, "CAP_SYS_ADMIN") {
		return p
	}
	// clone is fine unless it makes a namespace; clone3 hides its flags from
	// a filter, and "not implemented" makes the C library fall back to clone.
	enosys := uint(unix.ENOSYS)
	p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &enosys})
	for _, flag := range []uint64{unix.CLONE_NEWCGROUP, unix.CLONE_NEWIPC, unix.CLONE_NEWNET, unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWUSER, unix.CLONE_NEWUTS} {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{"clone"}, Action: specs.ActErrno, ErrnoRet: &eperm,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: flag, ValueTwo: flag, Op: specs.OpMaskedEqual}}})
	}
	return p
}
