package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	mdns "github.com/miekg/dns"
)

const (
	// upstreamTimeout is for one try; forwardTimeout for all of them, below the
	// five seconds after which resolvers in pods ask again.
	upstreamTimeout = time.Second
	forwardTimeout  = 2 * time.Second
)

// Upstreams reads the resolvers from a file in the form of resolv.conf(5), in
// order, without those in own (asking oneself never ends).
func Upstreams(path string, own []netip.AddrPort) ([]netip.AddrPort, error) {
	conf, err := mdns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("dns: read the machine's resolvers (names outside the cell will not be found): %w", err)
	}
	var out []netip.AddrPort
	for _, server := range conf.Servers {
		a, err := netip.ParseAddr(server)
		if err != nil {
			return nil, fmt.Errorf("dns: %s names the resolver %q, which is not an address: %w", path, server, err)
		}
		ap := netip.AddrPortFrom(a, 53)
		if !slices.Contains(own, ap) {
			out = append(out, ap)
		}
	}
	return out, nil
}

// forwarder asks upstreams one after the other.
type forwarder struct{ upstreams []netip.AddrPort }

// ask returns the first reply that comes, or SERVFAIL.
func (f forwarder) ask(ctx context.Context, q *mdns.Msg, network string) *mdns.Msg {
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	for _, to := range f.upstreams {
		reply, err := f.exchange(ctx, q, to, network)
		if err == nil && reply.Rcode != mdns.RcodeServerFailure {
			reply.Id = q.Id
			return reply
		}
		if ctx.Err() != nil {
			break
		}
	}
	// A reply is made whatever went wrong: a resolver that hears nothing waits.
	failed := new(mdns.Msg).SetRcode(q, mdns.RcodeServerFailure)
	failed.RecursionAvailable = true
	return failed
}

func (f forwarder) exchange(ctx context.Context, q *mdns.Msg, to netip.AddrPort, network string) (*mdns.Msg, error) {
	own := q.Copy()
	own.Id = mdns.Id() // ours to choose: the client's may be guessed
	size := uint16(mdns.MinMsgSize)
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, opt.UDPSize())
	}
	c := mdns.Client{Net: network, Timeout: upstreamTimeout, UDPSize: size}
	reply, _, err := c.ExchangeContext(ctx, own, to.String())
	if err != nil {
		return nil, err
	}
	if reply == nil {
		return nil, errors.New("dns: an upstream's reply is empty")
	}
	return reply, nil
}
