package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/images"
	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
	"cairn/nodes/shim"
	"cairn/nodes/volumes"
)

// exitTimeout is how long Kill waits for the shim to note how a process that
// was killed ended.
const exitTimeout = 5 * time.Second

// Kill implements runtime.Sandboxes.
func (p *pod) Kill(ctx context.Context, s runtime.Sandbox, runs []runtime.Run) map[runtime.Run]lifecycle.Exit {
	p.killAll(ctx)
	if alive(s) {
		_ = unix.Kill(s.Pid, unix.SIGKILL)
	}
	wait, cancel := context.WithTimeout(ctx, exitTimeout)
	defer cancel()
	out := map[runtime.Run]lifecycle.Exit{}
	for _, r := range runs {
		_, _ = p.shim().Wait(wait, p.id.Container(r)) // whatever it says, the file says it too
		out[r] = p.exitLeft(r)
	}
	return out
}

// killAll kills every process of the pod's containers, until none is left.
func (p *pod) killAll(ctx context.Context) {
	for len(p.m.cgroups.Procs(p.cgroup)) > 0 {
		p.m.killGroup(p.cgroup)
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Clean implements runtime.Containers.
func (p *pod) Clean(ctx context.Context, r runtime.Run) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	id := p.id.Container(r)
	p.m.killGroup(p.group(r))
	err := p.m.runc.Delete(ctx, id)
	if err == nil && exists(p.run) {
		if ferr := p.shim().Forget(ctx, id); ferr != nil && !errors.Is(ferr, shim.ErrGone) {
			err = ferr
		}
	}
	err = errors.Join(err, images.Unmount(p.rootfs(r)), p.m.cgroups.Remove(p.group(r)), os.RemoveAll(p.bundle(r)))
	if err != nil {
		return fmt.Errorf("clean up after container %s: %w", id, err)
	}
	return nil
}

// clean is Clean where something follows that fails if it matters.
func (p *pod) clean(ctx context.Context, r runtime.Run) {
	if err := p.Clean(ctx, r); err != nil {
		p.m.cfg.Log.Error("a container leaves something behind", "err", err)
	}
}

// End implements runtime.Sandboxes, in an order in which what is left can
// always be found again.
func (p *pod) End(ctx context.Context, s runtime.Sandbox, keep runtime.Keep) error {
	for _, r := range p.runs() {
		p.clean(ctx, r)
	}
	// While the shim may live, its socket must stay: nothing else finds it.
	quit := p.shim().Quit(context.WithoutCancel(ctx))
	if quit != nil && keep != runtime.KeepData {
		return fmt.Errorf("end the pod's shim: %w", quit)
	}
	if alive(s) {
		_ = unix.Kill(s.Pid, unix.SIGKILL)
	}
	p.killAll(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(quit, p.m.cgroups.Remove(p.cgroup), p.removeFiles(keep))
}

// removeFiles unmounts all that lies below the pod's directories before it
// removes them: a hostPath may be mounted there.
func (p *pod) removeFiles(keep runtime.Keep) error {
	for _, dir := range []string{p.run, p.data} {
		if err := volumes.UnmountBelow(dir); err != nil {
			return err
		}
	}
	err := os.RemoveAll(p.run)
	if keep == runtime.KeepData {
		return err
	}
	err = errors.Join(err, volumes.Teardown(p.volumes()), os.RemoveAll(filepath.Join(p.data, "c")))
	if keep == runtime.KeepLogs {
		return err
	}
	return errors.Join(err, os.RemoveAll(p.logs))
}
