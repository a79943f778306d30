package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	mdns "github.com/miekg/dns"
)

// udpSize is how much of an answer goes into one datagram, at most: it fits
// any link here, so that nothing is cut into fragments.
const udpSize = 1232

// Config of a server.
type Config struct {
	// Listen are addresses of this machine; each is served over UDP and TCP.
	Listen []netip.AddrPort
	// Zone is the cell's, cluster.local if empty.
	Zone string
	// Upstreams answer for all other names, in order of preference.
	Upstreams []netip.AddrPort
}

// Server answers queries from the snapshot it was given last.
type Server struct {
	zone     string
	forward  forwarder
	now      atomic.Pointer[Snapshot]
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	servers  []*mdns.Server
	bound    []netip.AddrPort
	failures chan error
}

// Start listens on every address, over UDP and TCP, before it returns. Until
// the first Set, the cell has no names.
func Start(cfg Config) (*Server, error) {
	if cfg.Zone == "" {
		cfg.Zone = "cluster.local"
	}
	s := &Server{zone: cfg.Zone, forward: forwarder{cfg.Upstreams}, failures: make(chan error, 2*len(cfg.Listen))}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.now.Store(NewSnapshot(cfg.Zone, nil))
	for _, at := range cfg.Listen {
		if err := s.listen(at); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) listen(at netip.AddrPort) error {
	l, err := net.Listen("tcp4", at.String())
	if err != nil {
		return fmt.Errorf("dns: listen on %v (is the address on a link here, does another server have the port?): %w", at, err)
	}
	bound := l.Addr().(*net.TCPAddr).AddrPort() // with its port, if 0 was asked for
	p, err := net.ListenPacket("udp4", bound.String())
	if err != nil {
		return errors.Join(fmt.Errorf("dns: listen on %v over UDP: %w", bound, err), l.Close())
	}
	s.bound = append(s.bound, bound)
	for _, server := range []*mdns.Server{
		{Listener: l, Handler: s.handler("tcp")},
		{PacketConn: p, Handler: s.handler("udp")},
	} {
		ready := make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		s.servers = append(s.servers, server)
		s.running.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				s.failures <- err
			}
		})
		select {
		case <-ready:
		case err := <-s.failures:
			return fmt.Errorf("dns: serve on %v: %w", bound, err)
		}
	}
	return nil
}

// Set makes answers come from these records from now on.
func (s *Server) Set(records []Record) { s.now.Store(NewSnapshot(s.zone, records)) }

// Addrs are the addresses served, with their ports.
func (s *Server) Addrs() []netip.AddrPort { return s.bound }

// Close stops listening and waits for the answers under way.
func (s *Server) Close() error {
	s.cancel()
	var errs error
	for _, server := range s.servers {
		errs = errors.Join(errs, server.Shutdown())
	}
	s.running.Wait()
	return errs
}

func (s *Server) handler(network string) mdns.HandlerFunc {
	return func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := s.now.Load().answer(s.ctx, q, func(ctx context.Context, q *mdns.Msg) *mdns.Msg {
			return s.forward.ask(ctx, q, network)
		})
		fit(m, q, network)
		// The client may have gone; there is nobody to answer.
		_ = w.WriteMsg(m)
	}
}

// fit adds EDNS where it was asked for, and cuts what a datagram cannot hold:
// the client then asks over TCP.
func fit(m, q *mdns.Msg, network string) {
	size := mdns.MaxMsgSize
	if network == "udp" {
		size = mdns.MinMsgSize
	}
	if opt := q.IsEdns0(); opt != nil {
		if network == "udp" {
			size = max(size, min(int(opt.UDPSize()), udpSize))
		}
		if m.IsEdns0() == nil {
			m.SetEdns0(udpSize, false)
		}
	}
	m.Compress = true
	m.Truncate(size)
}
