package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"cairn/tools/cairn/cell"
)

// apiForPods says where pods reach an API server that listens on the loopback
// alone: at the node's own address within the service range (that of its DNS),
// where the node forwards to it. Records of such requests name the loopback as
// their address, and the service account as who made them.
func apiForPods(s *cell.Settings) (at netip.AddrPort, wanted bool) {
	listen, err := netip.ParseAddrPort(s.Listen)
	if err != nil || !listen.Addr().IsLoopback() {
		return at, false
	}
	addr, err := netip.ParseAddr(s.DNSAddress())
	return netip.AddrPortFrom(addr, listen.Port()), err == nil
}

// forward carries connections from one address to another until ctx ends. TLS
// stays between the two ends.
func forward(ctx context.Context, from netip.AddrPort, to string) {
	l, err := net.Listen("tcp", from.String())
	if err != nil {
		slog.Warn("pods can't reach the API", "error", err)
		return
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		go carry(ctx, c, to)
	}
}

func carry(ctx context.Context, c net.Conn, to string) {
	defer c.Close()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return // the pod sees the connection end, as with any server that is away
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { c.Close(); server.Close() })()
	var both sync.WaitGroup
	pipe := func(to, from net.Conn) {
		io.Copy(to, from) // an error ends it like an end does
		if half, ok := to.(*net.TCPConn); ok {
			half.CloseWrite()
		}
	}
	both.Go(func() { pipe(server, c) })
	both.Go(func() { pipe(c, server) })
	both.Wait()
}
