package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/runtime"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
	"cairn/nodes/volumes"
)

// pod is one pod's part of the machine. All that it knows is on the machine.
type pod struct {
	m  *Runtime
	id runtime.ID
	paths

	mounting sync.Mutex // held while volumes are prepared
}

func (p *pod) shim() *shim.Client { return &shim.Client{Dir: p.run} }

// MakeSandbox implements runtime.Sandboxes: the pod's directories, cgroup,
// volumes, shim and namespaces.
func (p *pod) MakeSandbox(ctx context.Context, o *runtime.Objects, dns string) (runtime.Sandbox, error) {
	var s runtime.Sandbox
	if err := p.writeFiles(o.Pod, dns); err != nil {
		return s, err
	}
	if err := p.m.cgroups.Make(p.cgroup, sandbox.PodLimits(o.Pod)); err != nil {
		return s, err
	}
	if err := p.Update(o); err != nil {
		return s, &runtime.Failure{Reason: "FailedMount", Report: events.VolumeFailed, Err: err}
	}
	c, err := p.openShim(ctx)
	if err != nil {
		return s, err
	}
	spec := protocol.Sandbox{Pause: filepath.Join(p.m.cfg.libDir(), shim.PauseBinary), Net: !o.Pod.Spec.HostNetwork, PID: sandbox.SharesPIDs(o.Pod)}
	if !o.Pod.Spec.HostNetwork {
		spec.Hostname = sandbox.Hostname(o.Pod)
	}
	if psc := o.Pod.Spec.SecurityContext; psc != nil {
		spec.Sysctls = map[string]string{}
		for _, s := range psc.Sysctls {
			spec.Sysctls[s.Name] = s.Value
		}
	}
	if s.Pid, err = c.Sandbox(ctx, spec); err != nil {
		return s, err
	}
	s.Started, err = startTicks(s.Pid)
	return s, err
}

// openShim finds the pod's shim, or starts one.
func (p *pod) openShim(ctx context.Context) (*shim.Client, error) {
	c, _, err := shim.Connect(ctx, p.run)
	if !errors.Is(err, shim.ErrGone) {
		return c, err
	}
	return shim.Start(ctx, shim.Options{
		Binary: filepath.Join(p.m.cfg.libDir(), shim.ShimBinary), Dir: p.run, Runc: p.m.runc.Path, RuncRoot: p.m.runc.Root,
		Enter: func(pid int) error { return p.m.cgroups.Enter(p.m.cfg.shims(), pid) },
	})
}

// writeFiles writes the files that the pod's containers share, and mounts its
// shared memory.
func (p *pod) writeFiles(pod *corev1.Pod, dns string) error {
	for _, dir := range []string{p.run, p.data, p.logs, p.shm(), filepath.Join(p.run, "c"), filepath.Join(p.data, "c")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil && pod.Spec.HostNetwork {
		return err
	}
	conf, err := sandbox.ResolvConf(pod, sandbox.Resolver{Server: dns, Domain: p.m.cfg.Domain, Host: p.m.resolv})
	if err != nil {
		return err
	}
	name := sandbox.Hostname(pod)
	if pod.Spec.HostNetwork {
		if name, err = os.Hostname(); err != nil {
			return err
		}
	}
	for file, b := range map[string][]byte{
		"hosts": sandbox.Hosts(pod, pod.Status.PodIP, p.m.cfg.Domain, hosts), "hostname": []byte(name + "\n"), "resolv.conf": conf,
	} {
		if err := os.WriteFile(p.file(file), b, 0o644); err != nil {
			return err
		}
	}
	var st, up unix.Stat_t
	if err := errors.Join(unix.Stat(p.shm(), &st), unix.Stat(p.run, &up)); err != nil || st.Dev != up.Dev {
		return err // mounted already
	}
	if err := unix.Mount("shm", p.shm(), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m"); err != nil {
		return fmt.Errorf("mount the pod's shared memory: %w", err)
	}
	return nil
}

// Update implements runtime.Sandboxes.
func (p *pod) Update(o *runtime.Objects) error {
	_, err := p.setupVolumes(o)
	return err
}

// setupVolumes prepares the pod's volumes, or brings them up to date; one at a
// time.
func (p *pod) setupVolumes(o *runtime.Objects) (volumes.Paths, error) {
	p.mounting.Lock()
	defer p.mounting.Unlock()
	return volumes.Setup(p.volumes(), volumes.Source{
		Pod: o.Pod, ConfigMaps: o.ConfigMaps, Secrets: o.Secrets, Token: o.Token, CA: o.CA, Node: o.Node,
	})
}
