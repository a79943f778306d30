package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/crilog"
	"cairn/nodes/images"
	"cairn/nodes/runtime"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim/protocol"
	"cairn/nodes/volumes"
)

// start is one start of a container.
type start struct {
	*pod
	run     runtime.Run
	sandbox runtime.Sandbox
	objects *runtime.Objects
	spec    *corev1.Container
	image   images.Image
}

// createTimeout bounds what runc does for a start, which a daemon that ends
// does not interrupt.
const createTimeout = 60 * time.Second

// startedFile is in the bundle of a run that was started; it holds the ID of
// its image.
const startedFile = "started"

// Start implements runtime.Containers.
func (p *pod) Start(ctx context.Context, s runtime.Sandbox, r runtime.Run, o *runtime.Objects) (runtime.Started, error) {
	spec := containerOf(o.Pod, r.Container)
	if spec == nil {
		return runtime.Started{}, fmt.Errorf("the pod has no container %q", r.Container)
	}
	image, pulled, err := p.m.images.Ensure(ctx, spec.Image, images.PullPolicy(spec.ImagePullPolicy), o.PullSecrets...)
	if err != nil {
		var pe *images.PullError
		if errors.As(err, &pe) {
			return runtime.Started{}, &runtime.Failure{Reason: pe.Reason, Report: events.ImageFailed, Err: err}
		}
		return runtime.Started{}, err
	}
	p.clean(ctx, r)
	if ctx.Err() != nil {
		return runtime.Started{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	st := &start{pod: p, run: r, sandbox: s, objects: o, spec: spec, image: image}
	if err := st.create(ctx); err != nil {
		p.clean(ctx, r)
		return runtime.Started{}, err
	}
	return runtime.Started{Image: image.ID, Pulled: pulled, StopSignal: image.Config.StopSignal}, nil
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, cs := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range cs {
			if cs[i].Name == name {
				return &cs[i]
			}
		}
	}
	return nil
}

func (s *start) create(ctx context.Context) error {
	bundle := s.bundle(s.run)
	for _, dir := range []string{bundle, s.rootfs(s.run), filepath.Dir(s.log(s.run))} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	rootfs, err := s.m.images.Mount(s.image, s.rootfs(s.run))
	if err != nil {
		return &runtime.Failure{Reason: "CreateContainerError", Report: events.ContainerBackOff, Err: err}
	}
	spec, err := s.config(rootfs)
	if f := (*runtime.Failure)(nil); err != nil && !errors.As(err, &f) {
		return &runtime.Failure{Reason: "CreateContainerConfigError", Report: events.ContainerBackOff, Err: err}
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), b, 0o600); err != nil {
		return err
	}
	s.pruneLogs()
	c := protocol.Create{Bundle: bundle, LogPath: s.log(s.run), TTY: s.spec.TTY, Stdin: s.spec.Stdin, StdinOnce: s.spec.StdinOnce}
	id := s.id.Container(s.run)
	if _, err := s.shim().Create(ctx, id, c); err != nil {
		return &runtime.Failure{Reason: "RunContainerError", Report: events.ContainerBackOff, Err: err}
	}
	if err := s.m.runc.Start(ctx, id); err != nil {
		return &runtime.Failure{Reason: "RunContainerError", Report: events.ContainerBackOff, Err: fmt.Errorf("start container: %w", err)}
	}
	// Without it, Find asks runc.
	_ = os.WriteFile(filepath.Join(bundle, startedFile), []byte(s.image.ID), 0o600)
	return nil
}

// config makes the OCI spec.
func (s *start) config(rootfs string) (*specs.Spec, error) {
	pod, o := s.objects.Pod, s.objects
	user, err := sandbox.ResolveUser(rootfs, pod, s.spec, s.image.Config.User)
	if err != nil {
		return nil, err
	}
	env, err := sandbox.Environ(pod, s.spec, s.image.Config.Env, sandbox.Objects{ConfigMaps: o.ConfigMaps, Secrets: o.Secrets, ServiceEnv: o.ServiceEnv, Node: o.Node})
	if err != nil {
		return nil, err
	}
	at, err := s.setupVolumes(o)
	if err != nil {
		return nil, &runtime.Failure{Reason: "FailedMount", Report: events.VolumeFailed, Err: err}
	}
	mounts, err := volumes.Mounts(s.volumes(), at, s.spec, func(e string) (string, error) { return sandbox.Expand(e, env.Lookup), nil })
	if err != nil {
		return nil, &runtime.Failure{Reason: "FailedMount", Report: events.VolumeFailed, Err: err}
	}
	own, err := s.ownMounts()
	if err != nil {
		return nil, err
	}
	c := &sandbox.Container{
		Pod: pod, Spec: s.spec, Image: s.image.Config, Rootfs: rootfs, User: user, Env: env, Mounts: append(own, mounts...),
		Pause: s.sandbox.Pid, Cgroup: s.group(s.run), Host: s.m.host,
	}
	return c.Runtime()
}

// ownMounts are the pod's shared files, its shared memory, and the file that
// the container may leave a last word in.
func (s *start) ownMounts() ([]specs.Mount, error) {
	bind := func(to, from string) specs.Mount {
		return specs.Mount{Destination: to, Type: "bind", Source: from, Options: []string{"rbind", "rprivate", "rw"}}
	}
	out := []specs.Mount{
		bind("/dev/shm", s.shm()),
		bind("/etc/hosts", s.file("hosts")),
		bind("/etc/hostname", s.file("hostname")),
		bind("/etc/resolv.conf", s.file("resolv.conf")),
	}
	if p := s.spec.TerminationMessagePath; p != "" {
		file := filepath.Join(s.bundle(s.run), lastWord)
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			return nil, err
		}
		if err := os.Chmod(file, 0o666); err != nil {
			return nil, err
		}
		out = append(out, bind(p, file))
	}
	return out, nil
}

// lastWord holds a container's termination message, in its bundle.
const lastWord = "termination-log"

// pruneLogs keeps the log of the run before this one and drops older ones.
func (s *start) pruneLogs() {
	for n := s.run.N - 2; n >= 0; n-- {
		path := s.log(runtime.Run{Container: s.run.Container, N: n})
		if !exists(path) {
			return
		}
		for i := range crilog.Default.Files {
			_ = os.Remove(crilog.Older(path, i)) // not there is as good
		}
	}
}
