package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	corev1 "k8s.io/api/core/v1"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
)

// handle is a daemon's access to one pod.
type handle struct {
	m  *Machine
	id runtime.ID
}

// locked runs f with the pod under the machine's lock.
func (h *handle) locked(f func(p *pod)) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	f(h.m.get(h.id))
}

// MakeSandbox implements runtime.Sandboxes.
func (h *handle) MakeSandbox(ctx context.Context, o *runtime.Objects, _ string) (s runtime.Sandbox, err error) {
	if o == nil || o.Pod == nil {
		return s, errors.New("no pod was given")
	}
	if err := h.m.pause(ctx, takes(h.id, runtime.Run{}, "make")); err != nil {
		return s, err
	}
	h.locked(func(p *pod) {
		if p.sandbox == nil || p.sandbox.exit != nil || p.lost == nil {
			h.m.pids++
			p.sandbox = &process{sandbox: runtime.Sandbox{Pid: h.m.pids, Started: uint64(h.m.pids)}, done: make(chan struct{})}
		}
		if p.lost == nil {
			p.lost = make(chan struct{})
		}
		p.logs, s = true, p.sandbox.sandbox
	})
	return s, nil
}

// Find implements runtime.Sandboxes.
func (h *handle) Find(_ context.Context, runs []runtime.Run) (out runtime.Found, err error) {
	out.Runs = map[runtime.Run]runtime.Process{}
	h.locked(func(p *pod) {
		if p.lost == nil {
			err = runtime.ErrGone
			return
		}
		if p.sandbox != nil {
			out.Sandbox, out.Exit = p.sandbox.sandbox, p.sandbox.exit
		}
		for _, r := range runs {
			e := h.m.left(p, r)
			x := p.runs[r]
			out.Runs[r] = runtime.Process{Began: x != nil, Exit: &e}
			if x != nil {
				out.Runs[r] = runtime.Process{Began: true, Image: x.image, Exit: x.exit}
			}
		}
	})
	return out, err
}

// left is how a run ended, as far as anybody knows; m.mu is held.
func (m *Machine) left(p *pod, r runtime.Run) lifecycle.Exit {
	if x := p.runs[r]; x != nil && x.exit != nil {
		return *x.exit
	}
	return lifecycle.Exit{Reason: "ContainerStatusUnknown", Message: "The container ended while nobody watched", Finished: m.clock.Now()}
}

// Update implements runtime.Sandboxes.
func (h *handle) Update(*runtime.Objects) error { return nil }

// Kill implements runtime.Sandboxes. How what nobody looked after ended stays
// unknown.
func (h *handle) Kill(_ context.Context, _ runtime.Sandbox, runs []runtime.Run) map[runtime.Run]lifecycle.Exit {
	out := map[runtime.Run]lifecycle.Exit{}
	h.locked(func(p *pod) {
		if p.lost != nil {
			h.m.killAll(p)
		}
		for _, r := range runs {
			out[r] = h.m.left(p, r)
		}
		h.m.killAll(p)
	})
	return out
}

// killAll ends every process of a pod; m.mu is held.
func (m *Machine) killAll(p *pod) {
	for _, x := range p.runs {
		m.end(x, 0, syscall.SIGKILL)
	}
	if p.sandbox != nil {
		m.end(p.sandbox, 0, syscall.SIGKILL)
	}
}

// End implements runtime.Sandboxes.
func (h *handle) End(ctx context.Context, _ runtime.Sandbox, keep runtime.Keep) error {
	if err := h.m.pause(ctx, takes(h.id, runtime.Run{}, "end")); err != nil {
		return err
	}
	h.locked(func(p *pod) {
		h.m.killAll(p)
		p.lose()
		p.sandbox, p.runs = nil, map[runtime.Run]*process{}
		p.logs = p.logs && keep != runtime.KeepNothing
	})
	return nil
}

// Start implements runtime.Containers.
func (h *handle) Start(ctx context.Context, s runtime.Sandbox, r runtime.Run, o *runtime.Objects) (runtime.Started, error) {
	c := containerOf(o.Pod, r.Container)
	if c == nil {
		return runtime.Started{}, fmt.Errorf("the pod has no container %q", r.Container)
	}
	b := h.m.behave(h.id, r, c)
	if err := h.m.pause(ctx, b.Starts+takes(h.id, r, "start")); err != nil {
		return runtime.Started{}, err
	}
	if b.Fails != nil {
		return runtime.Started{}, b.Fails
	}
	x := &process{behaviour: b, image: "sha256:" + c.Image, done: make(chan struct{})}
	var err error
	h.locked(func(p *pod) {
		switch {
		case p.sandbox == nil || p.sandbox.sandbox != s || p.sandbox.exit != nil:
			err = errors.New("the sandbox is not there")
			return
		case p.runs[r] != nil:
			h.m.end(p.runs[r], 0, syscall.SIGKILL) // what a crash left of this very run
		}
		p.runs[r] = x
	})
	if err == nil && b.Lasts > 0 {
		h.m.clock.AfterFunc(b.Lasts+takes(h.id, r, "last"), func() { h.locked(func(*pod) { h.m.end(x, b.Code, 0) }) })
	}
	return runtime.Started{Image: x.image}, err
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

// Signal implements runtime.Containers. To a process that has ended it says
// nothing.
func (h *handle) Signal(_ context.Context, r runtime.Run, sig syscall.Signal) error {
	var x *process
	h.locked(func(p *pod) { x = p.runs[r] })
	if x != nil && (sig == syscall.SIGKILL || !x.behaviour.Deaf) {
		h.m.clock.AfterFunc(takes(h.id, r, "signal"), func() { h.locked(func(*pod) { h.m.end(x, 0, sig) }) })
	}
	return nil
}

// Wait implements runtime.Containers.
func (h *handle) Wait(ctx context.Context, r runtime.Run) (lifecycle.Exit, error) {
	var x *process
	var lost chan struct{}
	h.locked(func(p *pod) {
		x, lost = p.runs[r], p.lost
		if r == (runtime.Run{}) {
			x = p.sandbox
		}
	})
	if x == nil || lost == nil {
		return lifecycle.Exit{}, runtime.ErrGone
	}
	select {
	case <-x.done:
		return *x.exit, nil
	case <-lost:
		return lifecycle.Exit{}, runtime.ErrGone
	case <-ctx.Done():
		return lifecycle.Exit{}, ctx.Err()
	}
}

// Clean implements runtime.Containers.
func (h *handle) Clean(_ context.Context, r runtime.Run) error {
	h.locked(func(p *pod) {
		if x := p.runs[r]; x != nil {
			h.m.end(x, 0, syscall.SIGKILL)
			delete(p.runs, r)
		}
	})
	return nil
}

// Exec implements runtime.Sessions.
func (h *handle) Exec(_ context.Context, r runtime.Run, _ []string, _ runtime.Streams) (code int, err error) {
	h.locked(func(p *pod) {
		if x := p.runs[r]; x == nil || x.exit != nil {
			err = errors.New("the container does not run")
		} else {
			code = x.behaviour.Answer
		}
	})
	return code, err
}

// Attach implements runtime.Sessions: nothing is said.
func (h *handle) Attach(ctx context.Context, r runtime.Run, _ runtime.Streams) error {
	_, err := h.Wait(ctx, r)
	return err
}

// Dial implements runtime.Sessions: nothing listens.
func (h *handle) Dial(context.Context, runtime.Sandbox, string, string) (net.Conn, error) {
	return nil, errors.New("nothing listens in memory")
}

// LogPath implements runtime.Sessions: no file, an empty log.
func (h *handle) LogPath(runtime.Run) string { return "" }

// Save implements runtime.Notes.
func (h *handle) Save(notes []byte) error {
	h.locked(func(p *pod) { p.notes = append([]byte{}, notes...) })
	return nil
}

// Load implements runtime.Notes.
func (h *handle) Load() (notes []byte, err error) {
	h.locked(func(p *pod) { notes = p.notes })
	if notes == nil {
		return nil, fs.ErrNotExist
	}
	return notes, nil
}

// Forget implements runtime.Notes.
func (h *handle) Forget() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	delete(h.m.pods, h.id.UID)
	return nil
}
