package worldtest

import (
	"context"
	"errors"
	"net"
	"sync"

	"google.golang.org/grpc/test/bufconn"
)

// apiAddress is where a world's API server listens.
const apiAddress = "192.0.2.1:6443"

// buffer is how much a connection holds that was not read yet.
const buffer = 64 << 10

// network is addresses that can be listened on, in memory.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
}

// listener is bufconn's with an address.
type listener struct {
	*bufconn.Listener
	addr net.Addr
}

func newNetwork() *network { return &network{listeners: map[string]*listener{}} }

func (l *listener) Addr() net.Addr { return l.addr }

func (n *network) listener(address string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic("worldtest: " + err.Error())
	}
	l := &listener{bufconn.Listen(buffer), addr}
	n.listeners[address] = l
	return l
}

// dial is a http.Transport's DialContext.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("nobody listens on " + address)}
	}
	return l.DialContext(ctx)
}

func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.listeners {
		l.Close()
	}
}
