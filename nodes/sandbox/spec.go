package sandbox

import (
	"fmt"
	"path"
	"strconv"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	corev1 "k8s.io/api/core/v1"

	"cairn/nodes/cgroups"
)

// Container is all that the spec of one container depends on.
type Container struct {
	Pod    *corev1.Pod
	Spec   *corev1.Container
	Image  v1.Config
	Rootfs string // mounted
	User   User
	Env    *Environment
	Mounts []specs.Mount // volumes and the pod's own files
	Pause  int           // pid whose namespaces it joins
	Cgroup string        // below the mount point, like /cairn/CELL/UID/NAME
	Host   Host
}

// defaultPids bounds the processes of a container that sets no limit: there is
// no such field in a pod.
const defaultPids = 4096

// Runtime makes the OCI spec.
func (c *Container) Runtime() (*specs.Spec, error) {
	args := c.args()
	if len(args) == 0 {
		return nil, fmt.Errorf("container %q: neither it nor its image says which command to run", c.Spec.Name)
	}
	sc := c.securityContext()
	privileged := sc.Privileged != nil && *sc.Privileged
	caps, err := c.capabilities(sc, privileged)
	if err != nil {
		return nil, err
	}
	env := c.Env.List()
	if _, ok := c.Env.Lookup("HOME"); !ok && c.User.Home != "" {
		env = append(env, "HOME="+c.User.Home)
	}
	files := min(1<<20, c.Host.OpenFiles)
	oom := max(oomScoreAdj(c.Pod, c.Spec, memoryOffered), c.Host.OOMScoreAdj)
	s := &specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: c.Rootfs, Readonly: sc.ReadOnlyRootFilesystem != nil && *sc.ReadOnlyRootFilesystem},
		Process: &specs.Process{
			Terminal:        c.Spec.TTY,
			User:            specs.User{UID: c.User.UID, GID: c.User.GID, AdditionalGids: c.User.Groups},
			Args:            args,
			Env:             env,
			Cwd:             c.workingDir(),
			Capabilities:    caps,
			Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: files, Soft: files}},
			NoNewPrivileges: !privileged && sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation,
			OOMScoreAdj:     &oom,
		},
		Mounts: append(c.baseMounts(privileged), c.Mounts...),
		Linux: &specs.Linux{
			CgroupsPath: c.Cgroup,
			Namespaces:  c.namespaces(),
			Resources:   c.Limits().Resources(),
		},
	}
	c.confine(s, sc, privileged)
	return s, nil
}

// Limits are the container's limits on its cgroup.
func (c *Container) Limits() cgroups.Limits { return ContainerLimits(c.Spec) }

// ContainerLimits reads a container's requests and limits.
func ContainerLimits(c *corev1.Container) cgroups.Limits {
	r := c.Resources
	l := cgroups.Limits{
		MilliCPURequest: r.Requests.Cpu().MilliValue(),
		MilliCPULimit:   r.Limits.Cpu().MilliValue(),
		MemoryBytes:     r.Limits.Memory().Value(),
		Pids:            defaultPids,
	}
	if l.MilliCPURequest == 0 {
		l.MilliCPURequest = l.MilliCPULimit
	}
	return l
}

// PodLimits are those of the pod's own cgroup: the sum of its containers', and
// no hard limit where one of them has none.
func PodLimits(pod *corev1.Pod) cgroups.Limits {
	var sum, most cgroups.Limits
	cpu, mem := true, true
	for i := range pod.Spec.Containers {
		l := ContainerLimits(&pod.Spec.Containers[i])
		sum.MilliCPURequest += l.MilliCPURequest
		sum.MilliCPULimit += l.MilliCPULimit
		sum.MemoryBytes += l.MemoryBytes
		cpu, mem = cpu && l.MilliCPULimit > 0, mem && l.MemoryBytes > 0
	}
	for i := range pod.Spec.InitContainers {
		l := ContainerLimits(&pod.Spec.InitContainers[i])
		most.MilliCPURequest = max(most.MilliCPURequest, l.MilliCPURequest)
		most.MilliCPULimit = max(most.MilliCPULimit, l.MilliCPULimit)
		most.MemoryBytes = max(most.MemoryBytes, l.MemoryBytes)
		cpu, mem = cpu && l.MilliCPULimit > 0, mem && l.MemoryBytes > 0
	}
	out := cgroups.Limits{MilliCPURequest: max(sum.MilliCPURequest, most.MilliCPURequest)}
	if cpu {
		out.MilliCPULimit = max(sum.MilliCPULimit, most.MilliCPULimit)
	}
	if mem {
		out.MemoryBytes = max(sum.MemoryBytes, most.MemoryBytes)
	}
	return out
}

// args is the command line: the container's command replaces the image's
// entrypoint and its default arguments; args replaces the arguments alone.
func (c *Container) args() []string {
	command, args := c.Image.Entrypoint, c.Image.Cmd
	if len(c.Spec.Command) > 0 {
		command, args = c.expand(c.Spec.Command), nil
	}
	if len(c.Spec.Args) > 0 {
		args = c.expand(c.Spec.Args)
	}
	return append(append([]string{}, command...), args...)
}

func (c *Container) expand(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = Expand(s, c.Env.Lookup)
	}
	return out
}

func (c *Container) workingDir() string {
	for _, d := range []string{c.Spec.WorkingDir, c.Image.WorkingDir} {
		if d != "" {
			return path.Join("/", d)
		}
	}
	return "/"
}

func (c *Container) securityContext() *corev1.SecurityContext {
	if c.Spec.SecurityContext != nil {
		return c.Spec.SecurityContext
	}
	return &corev1.SecurityContext{}
}

func (c *Container) namespaces() []specs.LinuxNamespace {
	join := func(kind specs.LinuxNamespaceType, file string) specs.LinuxNamespace {
		return specs.LinuxNamespace{Type: kind, Path: "/proc/" + strconv.Itoa(c.Pause) + "/ns/" + file}
	}
	ns := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	if !c.Pod.Spec.HostNetwork {
		ns = append(ns, join(specs.NetworkNamespace, "net"))
	}
	if !c.Pod.Spec.HostIPC {
		ns = append(ns, join(specs.IPCNamespace, "ipc"))
	}
	if !c.Pod.Spec.HostNetwork {
		ns = append(ns, join(specs.UTSNamespace, "uts"))
	}
	if SharesPIDs(c.Pod) {
		return append(ns, join(specs.PIDNamespace, "pid"))
	}
	return append(ns, specs.LinuxNamespace{Type: specs.PIDNamespace})
}

// SharesPIDs reports whether the pod's containers see each other's processes.
func SharesPIDs(pod *corev1.Pod) bool {
	return pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace
}

// confine sets what keeps the container away from the host's kernel.
func (c *Container) confine(s *specs.Spec, sc *corev1.SecurityContext, privileged bool) {
	s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: privileged, Access: "rwm"}}
	if privileged {
		s.Linux.Devices = c.Host.Devices
		return
	}
	if sc.ProcMount == nil || *sc.ProcMount != corev1.UnmaskedProcMount {
		s.Linux.MaskedPaths = []string{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
			"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"}
		s.Linux.ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	}
	profile := sc.SeccompProfile
	if profile == nil && c.Pod.Spec.SecurityContext != nil {
		profile = c.Pod.Spec.SecurityContext.SeccompProfile
	}
	if profile != nil && profile.Type == corev1.SeccompProfileTypeRuntimeDefault {
		s.Linux.Seccomp = seccomp.DefaultProfile(s) // allows more, the more capabilities it has
	}
}

func (c *Container) baseMounts(privileged bool) []specs.Mount {
	ro := "ro"
	if privileged {
		ro = "rw"
	}
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", ro}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", ro}},
	}
}
