package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/lifecycle"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
	"cairn/nodes/volumes"
)

type feedAnswer = feed.ReportAnswer

// makeSandbox makes the pod's directories, cgroup, shim, namespaces, network
// and volumes.
func (w *worker) makeSandbox(ctx context.Context) {
	d, pl, a, o := w.d, w.place, w.a, w.objects
	w.beside(func() {
		var c *shim.Client
		var p pauseProcess
		var err error
		if o == nil {
			o, err = d.fetch(ctx, a, a.Revision)
		}
		if err == nil {
			c, p, err = d.makeSandbox(ctx, w, pl, a, o)
		}
		if d.ctx.Err() != nil {
			return
		}
		w.post(func() { w.sandboxDone(o, c, p, err) })
	})
}

func (w *worker) sandboxDone(o *objects, c *shim.Client, p pauseProcess, err error) {
	if c != nil {
		w.shim, w.pause = c, p
	}
	if err != nil {
		w.objects = nil // what was missing may be there when it is fetched anew
		f := asFailure(err, "FailedCreatePodSandBox", events.SandboxFailed)
		w.handle(lifecycle.Event{What: lifecycle.SandboxFailed, Reason: f.reason, Message: f.Error()})
		w.log.Warn("sandbox is not made", "reason", f.reason, "err", f.err)
		w.tell(f.report, nil, events.Incident{Reason: f.reason, Message: f.Error(), Warning: true})
		return
	}
	w.objects = o
	w.handle(lifecycle.Event{What: lifecycle.SandboxMade})
	w.tell(events.SandboxCreated, nil, events.Incident{Reason: "SandboxCreated", Message: "Pod sandbox with address " + w.pod.Status.PodIP + " is ready"})
	w.watchPause()
}

func (d *Daemon) makeSandbox(ctx context.Context, w *worker, pl place, a feed.Assignment, o *objects) (*shim.Client, pauseProcess, error) {
	var p pauseProcess
	if err := d.podFiles(pl, o.pod); err != nil {
		return nil, p, err
	}
	if err := d.cgroups.Make(pl.cgroup, sandbox.PodLimits(o.pod)); err != nil {
		return nil, p, err
	}
	if _, err := w.setupVolumes(o); err != nil {
		return nil, p, &failure{"FailedMount", events.VolumeFailed, err}
	}
	c, err := d.openShim(ctx, pl)
	if err != nil {
		return nil, p, err
	}
	spec := protocol.Sandbox{Pause: filepath.Join(d.cfg.libDir(), shim.PauseBinary), Net: !o.pod.Spec.HostNetwork, PID: sandbox.SharesPIDs(o.pod)}
	if !o.pod.Spec.HostNetwork {
		spec.Hostname = sandbox.Hostname(o.pod)
	}
	if sc := o.pod.Spec.SecurityContext; sc != nil && len(sc.Sysctls) > 0 {
		spec.Sysctls = map[string]string{}
		for _, s := range sc.Sysctls {
			spec.Sysctls[s.Name] = s.Value
		}
	}
	if p.Pid, err = c.Sandbox(ctx, spec); err != nil {
		return c, p, err
	}
	if p.Ticks, err = startTicks(p.Pid); err != nil {
		return c, p, err
	}
	if addr, ok := podAddr(o.pod, a.Address); ok {
		if err := d.cfg.Network.Attach(ctx, fmt.Sprintf("/proc/%d/ns/net", p.Pid), addr); err != nil {
			return c, p, fmt.Errorf("give the pod its address %s: %w", addr, err)
		}
	}
	return c, p, nil
}

// openShim finds the pod's shim, or starts one.
func (d *Daemon) openShim(ctx context.Context, pl place) (*shim.Client, error) {
	c, _, err := shim.Connect(ctx, pl.run)
	if !errors.Is(err, shim.ErrGone) {
		return c, err
	}
	return shim.Start(ctx, shim.Options{
		Binary: filepath.Join(d.cfg.libDir(), shim.ShimBinary), Dir: pl.run, Runc: d.runtime.Path, RuncRoot: d.runtime.Root,
		Enter: func(pid int) error { return d.cgroups.Enter(d.cfg.CgroupParent+"/shims", pid) },
	})
}

// podAddr is the address of a pod with a network of its own.
func podAddr(pod *corev1.Pod, address string) (netip.Addr, bool) {
	if pod.Spec.HostNetwork {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(address)
	return addr, err == nil
}

// podFiles writes the files that the pod's containers share, and mounts its
// shared memory.
func (d *Daemon) podFiles(pl place, pod *corev1.Pod) error {
	for _, dir := range []string{pl.run, pl.data, pl.logs, pl.shm(), filepath.Join(pl.run, "c"), filepath.Join(pl.data, "c")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil && pod.Spec.HostNetwork {
		return err
	}
	reg, _ := d.known()
	conf, err := sandbox.ResolvConf(pod, sandbox.Resolver{Server: reg.DNSAddress, Domain: d.cfg.Domain, Host: d.resolv})
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
		"hosts": sandbox.Hosts(pod, pod.Status.PodIP, d.cfg.Domain, hosts), "hostname": []byte(name + "\n"), "resolv.conf": conf,
	} {
		if err := os.WriteFile(pl.file(file), b, 0o644); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	var up unix.Stat_t
	if err := errors.Join(unix.Stat(pl.shm(), &st), unix.Stat(pl.run, &up)); err != nil || st.Dev != up.Dev {
		return err // mounted already
	}
	if err := unix.Mount("shm", pl.shm(), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m"); err != nil {
		return fmt.Errorf("mount the pod's shared memory: %w", err)
	}
	return nil
}

// unmountAndRemove removes the pod's directories but for its memo, which stays
// until the removal was heard.
func unmountAndRemove(pl place) error {
	if err := volumes.Teardown(pl.volumes()); err != nil {
		return err
	}
	for _, dir := range []string{pl.run, pl.data} {
		if err := volumes.UnmountBelow(dir); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(pl.run), os.RemoveAll(filepath.Join(pl.data, "c")), os.RemoveAll(pl.logs))
}

// setupVolumes prepares the pod's volumes, or brings them up to date; one at a
// time. It may be called beside the worker.
func (w *worker) setupVolumes(o *objects) (volumes.Paths, error) {
	w.mounting.Lock()
	defer w.mounting.Unlock()
	return volumes.Setup(w.place.volumes(), o.volumes())
}

// refreshVolumes brings volumes made of objects up to date.
func (w *worker) refreshVolumes(o *objects) {
	if _, err := w.setupVolumes(o); err != nil {
		w.log.Warn("volumes are not up to date", "err", err)
	}
}
