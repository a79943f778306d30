package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"cairn/nodes/lifecycle"
	"cairn/nodes/netns"
	"cairn/nodes/oci"
	"cairn/nodes/shim"
	"cairn/nodes/shim/protocol"
	"cairn/nodes/streaming"
)

var _ streaming.Backend = (*Daemon)(nil)

func (d *Daemon) find(namespace, pod, uid string) (*worker, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers {
		if w.place.namespace == namespace && w.place.name == pod && (uid == "" || w.place.uid == uid) {
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
	pid, ready := 0, false
	w.ask(func() {
		ready = w.machine != nil && w.machine.State.Sandbox == lifecycle.SandboxReady
		if ready && !w.pod.Spec.HostNetwork {
			pid = w.pause.Pid
		}
	})
	if !ready {
		return nil, fmt.Errorf("pod %s/%s does not run", namespace, pod)
	}
	return netns.Dial(ctx, pid, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
}

// session is one container, for one request.
type session struct {
	w         *worker
	container string
}

// running gives the run that is under way.
func (s *session) running() (r run, tty bool, err error) {
	err = errors.New("the pod is gone")
	s.w.ask(func() {
		st := s.w.state(s.container)
		if st.Phase != lifecycle.Running && st.Phase != lifecycle.Stopping {
			err = fmt.Errorf("container %s does not run (%s)", s.container, st.Phase)
			return
		}
		r, tty, err = s.w.current(s.container), s.w.spec(s.container).TTY, nil
	})
	return r, tty, err
}

// Exec implements streaming.Container.
func (s *session) Exec(ctx context.Context, command []string, c streaming.Streams) (int, error) {
	r, _, err := s.running()
	if err != nil {
		return 0, err
	}
	pl := s.w.place
	return s.w.d.runtime.Exec(ctx, oci.Exec{
		ID: pl.id(r), Bundle: pl.bundle(r), Command: command,
		Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr, TTY: c.TTY, Resize: c.Resize,
	})
}

// Log implements streaming.Container.
func (s *session) Log(previous bool) (path string, live func() bool, err error) {
	err = errors.New("the pod is gone")
	s.w.ask(func() {
		st := s.w.state(s.container)
		r := s.w.current(s.container)
		if !st.Alive() && st.Phase != lifecycle.Exited || st.Phase == lifecycle.Starting {
			r.n = max(0, st.Runs-1) // the last that ran
		}
		if st.Runs == 0 {
			err = fmt.Errorf("container %s has not started (%s)", s.container, st.Reason)
			return
		}
		if previous {
			if r.n--; r.n < 0 {
				err = fmt.Errorf("previous terminated container %s not found", s.container)
				return
			}
		}
		path, err = s.w.place.log(r), nil
		live = func() bool { return !previous && s.lives(r) }
	})
	return path, live, err
}

func (s *session) lives(r run) bool {
	alive := false
	s.w.ask(func() {
		st := s.w.state(r.container)
		alive = (st.Phase == lifecycle.Running || st.Phase == lifecycle.Stopping) && s.w.current(r.container) == r
	})
	return alive
}

// Attach implements streaming.Container.
func (s *session) Attach(ctx context.Context, c streaming.Streams) error {
	r, _, err := s.running()
	if err != nil {
		return err
	}
	conn, err := (&shim.Client{Dir: s.w.place.run}).Attach(ctx, s.w.place.id(r), c.Stdin != nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if c.Stdin != nil {
		go feedStdin(conn, c.Stdin)
	}
	if c.Resize != nil {
		client := &shim.Client{Dir: s.w.place.run}
		go func() {
			for z := range c.Resize {
				_ = client.Resize(ctx, s.w.place.id(r), protocol.WindowSize{Width: z.Width, Height: z.Height})
			}
		}()
	}
	for {
		ch, data, err := protocol.ReceiveChunk(conn)
		if err != nil {
			return nil // the container, or the client, is done
		}
		out := c.Stdout
		if ch == protocol.ChanStderr {
			out = c.Stderr
		}
		if out != nil {
			if _, err := out.Write(data); err != nil {
				return nil
			}
		}
	}
}

func feedStdin(conn net.Conn, in io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		if n > 0 && protocol.SendChunk(conn, protocol.ChanStdin, b[:n]) != nil {
			return
		}
		if err != nil {
			_ = protocol.SendChunk(conn, protocol.ChanStdinEnd, nil)
			return
		}
	}
}
