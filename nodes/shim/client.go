package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"cairn/nodes/shim/protocol"
)

// ErrGone says that no shim listens in the pod's run directory.
var ErrGone = errors.New("no shim listens here")

// requestTimeout bounds every request but Wait. runc create takes 30 ms on a
// calm machine and seconds on a crowded one.
const requestTimeout = 60 * time.Second

// Client asks the shim whose run directory is Dir.
type Client struct{ Dir string }

// Connect returns a client of the shim in dir and what it looks after;
// ErrGone where none listens.
func Connect(ctx context.Context, dir string) (*Client, *protocol.State, error) {
	c := &Client{Dir: dir}
	st, err := c.Hello(ctx)
	if err != nil {
		return nil, nil, err
	}
	if st.Version != protocol.Version {
		return nil, nil, fmt.Errorf("shim in %s speaks version %d, this cairn %d: delete the pod to replace it", dir, st.Version, protocol.Version)
	}
	return c, st, nil
}

// dial reaches the socket through the directory's descriptor: the path of a
// socket must fit in 108 bytes, and a run directory's may be longer.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	fd, err := unix.Open(c.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrGone, c.Dir, err)
	}
	defer unix.Close(fd)
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", fd, protocol.SocketFile))
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrGone, c.Dir, err)
	}
	return conn, nil
}

func (c *Client) ask(ctx context.Context, req protocol.Request) (protocol.Reply, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return protocol.Reply{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if req.Op != protocol.OpWait {
		_ = conn.SetDeadline(time.Now().Add(requestTimeout))
	}
	var reply protocol.Reply
	if err := protocol.Send(conn, req); err != nil {
		return reply, fmt.Errorf("%w: %s: %w", ErrGone, c.Dir, err)
	}
	if err := protocol.Receive(conn, &reply); err != nil {
		if ctx.Err() != nil {
			return reply, ctx.Err()
		}
		return reply, fmt.Errorf("%w: it ended while asked to %s: %w", ErrGone, req.Op, err)
	}
	if reply.Error != "" {
		return reply, errors.New(reply.Error)
	}
	return reply, nil
}

// Hello asks for all that the shim looks after.
func (c *Client) Hello(ctx context.Context) (*protocol.State, error) {
	r, err := c.ask(ctx, protocol.Request{Op: protocol.OpHello})
	if err != nil {
		return nil, err
	}
	if r.State == nil {
		return nil, fmt.Errorf("shim in %s answered without its state", c.Dir)
	}
	return r.State, nil
}

// Sandbox starts the pause process, or finds the one that runs; its pid.
func (c *Client) Sandbox(ctx context.Context, b protocol.Sandbox) (int, error) {
	r, err := c.ask(ctx, protocol.Request{Op: protocol.OpSandbox, Sandbox: &b})
	return r.Pid, err
}

// Create makes a container from its bundle, not yet started; its pid.
func (c *Client) Create(ctx context.Context, id string, b protocol.Create) (int, error) {
	r, err := c.ask(ctx, protocol.Request{Op: protocol.OpCreate, ID: id, Create: &b})
	return r.Pid, err
}

// Wait returns when the process of the container (or, with an empty id, pause)
// ended. It returns ErrGone when the shim ends first.
func (c *Client) Wait(ctx context.Context, id string) (protocol.Exit, error) {
	r, err := c.ask(ctx, protocol.Request{Op: protocol.OpWait, ID: id})
	if err != nil {
		return protocol.Exit{}, err
	}
	if r.Exit == nil {
		return protocol.Exit{}, fmt.Errorf("shim in %s answered without exit", c.Dir)
	}
	return *r.Exit, nil
}

// Resize sets the size of the container's terminal.
func (c *Client) Resize(ctx context.Context, id string, s protocol.WindowSize) error {
	_, err := c.ask(ctx, protocol.Request{Op: protocol.OpResize, ID: id, Size: &s})
	return err
}

// SetDeadline makes the shim kill the pod's processes when CLOCK_BOOTTIME
// reaches ns, unless it is moved before; 0 takes it back.
func (c *Client) SetDeadline(ctx context.Context, ns int64) error {
	_, err := c.ask(ctx, protocol.Request{Op: protocol.OpDeadline, Deadline: ns})
	return err
}

// Forget lets the shim drop a container that has ended.
func (c *Client) Forget(ctx context.Context, id string) error {
	_, err := c.ask(ctx, protocol.Request{Op: protocol.OpForget, ID: id})
	return err
}

// Quit ends the pause process and the shim. No shim there is no error.
func (c *Client) Quit(ctx context.Context) error {
	_, err := c.ask(ctx, protocol.Request{Op: protocol.OpQuit})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Attach joins the container's streams; the caller reads and writes chunks
// (protocol.SendChunk, protocol.ReceiveChunk) and closes the connection.
func (c *Client) Attach(ctx context.Context, id string, stdin bool) (net.Conn, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	var reply protocol.Reply
	err = protocol.Send(conn, protocol.Request{Op: protocol.OpAttach, ID: id, Stdin: stdin})
	if err == nil {
		err = protocol.Receive(conn, &reply)
	}
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("attach: %w", err)
	}
	return conn, nil
}

// ReadExit reads the exit file that a shim left in a bundle; fs.ErrNotExist
// where there is none.
func ReadExit(bundle string) (protocol.Exit, error) {
	var e protocol.Exit
	b, err := os.ReadFile(filepath.Join(bundle, protocol.ExitFile))
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(b, &e)
}
