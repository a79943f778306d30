package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"cairn/nodes/lifecycle"
	"cairn/nodes/runtime"
	"cairn/nodes/streaming"
)

var _ streaming.Backend = (*Daemon)(nil)

func (d *Daemon) find(namespace, pod, uid string) (*worker, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers {
		if w.id.Namespace == namespace && w.id.Name == pod && (uid == "" || w.id.UID == uid) {
			return w, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s: %w", namespace, pod, streaming.ErrNotFound)
}

// Container implements streaming.Backend.
func (d *Daemon) Container(namespace, pod, uid, container string) (streaming.Container, error) {
	w, err := d.find(namespace, pod, uid)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("container %s of pod %s/%s: %w", container, namespace, pod, streaming.ErrNotFound)
	w.ask(func() {
		if w.machine != nil && w.state(container) != nil {
			err = nil
		}
	})
	if err != nil {
		return nil, err
	}
	return &session{w, container}, nil
}

// Dial implements streaming.Backend: to the pod's loopback address, as
// `kubectl port-forward` does everywhere.
func (d *Daemon) Dial(ctx context.Context, namespace, pod, uid string, port int32) (net.Conn, error) {
	w, err := d.find(namespace, pod, uid)
	if err != nil {
		return nil, err
	}
	var from runtime.Sandbox
	ready := false
	w.ask(func() {
		ready = w.machine != nil && w.machine.State.Sandbox == lifecycle.SandboxReady
		if ready {
			from = w.network()
		}
	})
	if !ready {
		return nil, fmt.Errorf("pod %s/%s does not run", namespace, pod)
	}
	return w.pod.Dial(ctx, from, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
}

// session is one container, for one request.
type session struct {
	w         *worker
	container string
}

// running gives the run that is under way.
func (s *session) running() (r runtime.Run, err error) {
	err = errors.New("the pod is gone")
	s.w.ask(func() {
		st := s.w.state(s.container)
		if st.Phase != lifecycle.Running && st.Phase != lifecycle.Stopping {
			err = fmt.Errorf("container %s does not run (%s)", s.container, st.Phase)
			return
		}
		r, err = s.w.current(s.container), nil
	})
	return r, err
}

// Exec implements streaming.Container.
func (s *session) Exec(ctx context.Context, command []string, c runtime.Streams) (int, error) {
	r, err := s.running()
	if err != nil {
		return 0, err
	}
	return s.w.pod.Exec(ctx, r, command, c)
}

// Attach implements streaming.Container.
func (s *session) Attach(ctx context.Context, c runtime.Streams) error {
	r, err := s.running()
	if err != nil {
		return err
	}
	return s.w.pod.Attach(ctx, r, c)
}

// Log implements streaming.Container. It answers for a pod that has ended as
// long as the pod is not deleted.
func (s *session) Log(previous bool) (path string, live func() bool, err error) {
	err = errors.New("the pod is gone")
	s.w.ask(func() {
		st := s.w.state(s.container)
		r := s.w.current(s.container)
		if !st.Alive() && st.Phase != lifecycle.Exited || st.Phase == lifecycle.Starting {
			r.N = max(0, st.Runs-1) // the last that ran
		}
		if st.Runs == 0 {
			err = fmt.Errorf("container %s has not started (%s)", s.container, st.Reason)
			return
		}
		if previous {
			if r.N--; r.N < 0 {
				err = fmt.Errorf("previous terminated container %s not found", s.container)
				return
			}
		}
		path, err = s.w.pod.LogPath(r), nil
		live = func() bool { return !previous && s.lives(r) }
	})
	return path, live, err
}

func (s *session) lives(r runtime.Run) bool {
	alive := false
	s.w.ask(func() {
		st := s.w.state(r.Container)
		alive = (st.Phase == lifecycle.Running || st.Phase == lifecycle.Stopping) && s.w.current(r.Container) == r
	})
	return alive
}
