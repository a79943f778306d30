package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/crilog"
	"cairn/nodes/images"
	"cairn/nodes/sandbox"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
	"cairn/nodes/volumes"
)

// starting is one start of a container, beside the worker: it reads what it
// was given and touches nothing of the worker's.
type starting struct {
	d       *Daemon
	w       *worker
	a       feed.Assignment
	place   place
	run     run
	spec    *corev1.Container
	objects *objects
	shim    *shim.Client
	pause   int

	fetched bool
	pulled  bool
	image   images.Image
}

// createTimeout bounds what runc does for a start, which a daemon that ends
// does not interrupt.
const createTimeout = 60 * time.Second

func (s *starting) do(ctx context.Context) error {
	var err error
	if s.shim == nil {
		return &failure{"FailedCreatePodSandBox", events.SandboxFailed, errors.New("the pod's shim is gone")}
	}
	if s.objects == nil {
		if s.objects, err = s.d.fetch(ctx, s.a, s.a.Revision); err != nil {
			return &failure{"FailedFetch", events.ContainerBackOff, err}
		}
		s.fetched = true
	}
	if s.image, s.pulled, err = s.d.images.Ensure(ctx, s.spec.Image, images.PullPolicy(s.spec.ImagePullPolicy), s.objects.pull...); err != nil {
		var pe *images.PullError
		if errors.As(err, &pe) {
			return &failure{pe.Reason, events.ImageFailed, err}
		}
		return err
	}
	s.d.clean(ctx, s.place, s.run) // what a crash may have left of this very run
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	if err := s.create(ctx); err != nil {
		s.d.clean(ctx, s.place, s.run)
		return err
	}
	return nil
}

func (s *starting) create(ctx context.Context) error {
	bundle := s.place.bundle(s.run)
	for _, dir := range []string{bundle, s.place.rootfs(s.run), s.place.logDir(s.run.container)} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	rootfs, err := s.d.images.Mount(s.image, s.place.rootfs(s.run))
	if err != nil {
		return &failure{"CreateContainerError", events.ContainerBackOff, err}
	}
	spec, err := s.config(rootfs)
	if err != nil {
		return asFailure(err, "CreateContainerConfigError", events.ContainerBackOff)
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), b, 0o600); err != nil {
		return err
	}
	s.pruneLogs()
	c := protocol.Create{Bundle: bundle, LogPath: s.place.log(s.run), TTY: s.spec.TTY, Stdin: s.spec.Stdin, StdinOnce: s.spec.StdinOnce}
	if _, err := s.shim.Create(ctx, s.place.id(s.run), c); err != nil {
		return &failure{"RunContainerError", events.ContainerBackOff, err}
	}
	if err := s.d.runtime.Start(ctx, s.place.id(s.run)); err != nil {
		return &failure{"RunContainerError", events.ContainerBackOff, fmt.Errorf("start container: %w", err)}
	}
	return nil
}

// config makes the runtime's spec.
func (s *starting) config(rootfs string) (*specs.Spec, error) {
	pod := s.objects.pod
	user, err := sandbox.ResolveUser(rootfs, pod, s.spec, s.image.Config.User)
	if err != nil {
		return nil, err
	}
	env, err := sandbox.Environ(pod, s.spec, s.image.Config.Env, s.objects.environ())
	if err != nil {
		return nil, err
	}
	paths, err := s.w.setupVolumes(s.objects)
	if err != nil {
		return nil, &failure{"FailedMount", events.VolumeFailed, err}
	}
	mounts, err := volumes.Mounts(s.place.volumes(), paths, s.spec, func(e string) (string, error) { return sandbox.Expand(e, env.Lookup), nil })
	if err != nil {
		return nil, &failure{"FailedMount", events.VolumeFailed, err}
	}
	own, err := s.ownMounts()
	if err != nil {
		return nil, err
	}
	c := &sandbox.Container{
		Pod: pod, Spec: s.spec, Image: s.image.Config, Rootfs: rootfs, User: user, Env: env, Mounts: append(own, mounts...),
		Pause: s.pause, Cgroup: s.place.group(s.run), Host: s.d.host,
	}
	return c.Runtime()
}

// ownMounts are the pod's shared files, its shared memory, and the file that
// the container may leave a last word in.
func (s *starting) ownMounts() ([]specs.Mount, error) {
	bind := func(to, from string) specs.Mount {
		return specs.Mount{Destination: to, Type: "bind", Source: from, Options: []string{"rbind", "rprivate", "rw"}}
	}
	out := []specs.Mount{
		bind("/dev/shm", s.place.shm()),
		bind("/etc/hosts", s.place.file("hosts")),
		bind("/etc/hostname", s.place.file("hostname")),
		bind("/etc/resolv.conf", s.place.file("resolv.conf")),
	}
	if p := s.spec.TerminationMessagePath; p != "" {
		file := filepath.Join(s.place.bundle(s.run), lastWord)
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
func (s *starting) pruneLogs() {
	for n := s.run.n - 2; n >= 0; n-- {
		path := filepath.Join(s.place.logDir(s.run.container), strconv.Itoa(n)+".log")
		if !exists(path) {
			return
		}
		for i := range crilog.Default.Files {
			_ = os.Remove(crilog.Older(path, i)) // not there is as good
		}
	}
}
