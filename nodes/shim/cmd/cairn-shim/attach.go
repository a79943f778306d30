package main

import (
	"encoding/json"
	"net"
	"time"

	"cairn/nodes/shim/protocol"
)

// patience is how long a peer may block the container's output before it is
// let go.
const patience = 10 * time.Second

// peer is one attached connection.
type peer struct{ conn net.Conn }

// attach joins a connection to a container's streams until either ends.
func (s *shim) attach(c net.Conn, req protocol.Request) {
	p, err := s.find(req.ID)
	if err == nil && p.io == nil {
		_ = protocol.Send(c, protocol.Reply{Error: "the pause process has no streams"})
		return
	}
	if err != nil {
		_ = protocol.Send(c, protocol.Reply{Error: err.Error()})
		return
	}
	me := &peer{conn: c}
	if !p.io.join(me) {
		_ = protocol.Send(c, protocol.Reply{Error: "the container has ended"})
		return
	}
	defer p.io.leave(me)
	p.io.receive(me, req.Stdin)
}

// join answers the request and adds the peer in one step, so that no chunk
// goes out before the reply.
func (s *streams) join(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	if protocol.Send(p.conn, protocol.Reply{}) == nil {
		s.peers[p] = struct{}{}
	}
	return true
}

func (s *streams) leave(p *peer) {
	s.mu.Lock()
	delete(s.peers, p)
	s.mu.Unlock()
}

func (s *streams) broadcast(ch protocol.Channel, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
		if protocol.SendChunk(p.conn, ch, b) != nil {
			p.conn.Close()
			delete(s.peers, p)
		}
	}
}

// receive passes a peer's input on until it leaves. Where input was asked for
// once only, its end is the end of the container's standard input.
func (s *streams) receive(p *peer, stdin bool) {
	in := s.stdin
	if stdin && s.stdinOnce && s.console == nil && in != nil {
		defer in.Close()
	}
	for {
		ch, data, err := protocol.ReceiveChunk(p.conn)
		if err != nil {
			return
		}
		switch ch {
		case protocol.ChanStdin:
			if stdin && in != nil {
				_, _ = in.Write(data)
			}
		case protocol.ChanStdinEnd:
			if s.stdinOnce && s.console == nil && in != nil {
				in.Close()
			}
		case protocol.ChanResize:
			var size protocol.WindowSize
			if s.console != nil && json.Unmarshal(data, &size) == nil {
				_ = s.resize(size)
			}
		}
	}
}
