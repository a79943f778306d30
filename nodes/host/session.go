package host

import (
	"context"
	"io"
	"net"

	"cairn/nodes/netns"
	"cairn/nodes/oci"
	"cairn/nodes/runtime"
	"cairn/nodes/shim/protocol"
)

// Exec implements runtime.Sessions.
func (p *pod) Exec(ctx context.Context, r runtime.Run, command []string, s runtime.Streams) (int, error) {
	return p.m.runc.Exec(ctx, oci.Exec{ID: p.id.Container(r), Bundle: p.bundle(r), Command: command, Streams: s})
}

// Dial implements runtime.Sessions.
func (p *pod) Dial(ctx context.Context, s runtime.Sandbox, network, address string) (net.Conn, error) {
	return netns.Dial(ctx, s.Pid, network, address)
}

// LogPath implements runtime.Sessions.
func (p *pod) LogPath(r runtime.Run) string { return p.log(r) }

// Attach implements runtime.Sessions.
func (p *pod) Attach(ctx context.Context, r runtime.Run, s runtime.Streams) error {
	id := p.id.Container(r)
	conn, err := p.shim().Attach(ctx, id, s.Stdin != nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if s.Stdin != nil {
		go feedStdin(conn, s.Stdin)
	}
	if s.Resize != nil {
		go func() {
			for z := range s.Resize {
				_ = p.shim().Resize(ctx, id, protocol.WindowSize{Width: z.Width, Height: z.Height})
			}
		}()
	}
	for {
		ch, data, err := protocol.ReceiveChunk(conn)
		if err != nil {
			return nil // the container, or the client, is done
		}
		out := s.Stdout
		if ch == protocol.ChanStderr {
			out = s.Stderr
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
