package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"cairn/dataplane/ruleset"

	"github.com/mdlayher/netlink"
	vnetlink "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Numbers of linux/netfilter/nfnetlink_conntrack.h that x/sys does not name.
const (
	msgDelete      = 2 // IPCTNL_MSG_CT_DELETE
	attrReply      = 2 // CTA_TUPLE_REPLY
	attrFilter     = 25
	attrReplyFlags = 2
	attrIP         = 1
	attrProto      = 2
	attrSourceIP   = 1
	attrNumber     = 1
	attrSourcePort = 2
	// source address, protocol number, source port
	filterFlags = 1 | 8 | 16
)

// fewRemovals is up to how many endpoints the kernel filters one by one;
// beyond, one dump of the connections is cheaper.
const fewRemovals = 16

// forgetRemoved drops UDP connections to endpoints that the ops removed: the
// kernel would go on sending to them as long as the client speaks. TCP ends
// by itself and is left alone, so that a pod that is ending can finish.
func (t *Table) forgetRemoved(r ruleset.Ruleset, ops []ruleset.Op) error {
	gone := map[netip.AddrPort]bool{}
	for _, op := range ops {
		if op.Delete && op.Element.Set == ruleset.Endpoints && op.Element.Key.Protocol == ruleset.UDP {
			gone[op.Element.To] = true
		}
	}
	// A slot that moved was deleted and added: only what no addition restores
	// is gone. One that still serves another service stays as well.
	for _, op := range ops {
		if !op.Delete && op.Element.Set == ruleset.Endpoints && op.Element.Key.Protocol == ruleset.UDP {
			delete(gone, op.Element.To)
		}
	}
	if len(gone) > fewRemovals {
		return t.sweep(r)
	}
	for to := range gone {
		if err := forget(to); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the UDP connections that to answers, by a filter inside the
// kernel.
func forget(to netip.AddrPort) error {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("nft: no connection to conntrack: %w", err)
	}
	defer c.Close()
	enc := netlink.NewAttributeEncoder()
	enc.ByteOrder = binary.BigEndian
	enc.Nested(attrReply, func(tuple *netlink.AttributeEncoder) error {
		tuple.Nested(attrIP, func(ip *netlink.AttributeEncoder) error {
			a := to.Addr().As4()
			ip.Bytes(attrSourceIP, a[:])
			return nil
		})
		tuple.Nested(attrProto, func(p *netlink.AttributeEncoder) error {
			p.Uint8(attrNumber, ruleset.UDP)
			p.Uint16(attrSourcePort, to.Port())
			return nil
		})
		return nil
	})
	enc.Nested(attrFilter, func(f *netlink.AttributeEncoder) error {
		f.Bytes(attrReplyFlags, native(filterFlags)) // this one is in host order
		return nil
	})
	body, err := enc.Encode()
	if err != nil {
		return fmt.Errorf("nft: encode the conntrack filter: %w", err)
	}
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_CTNETLINK<<8 | msgDelete, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append([]byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0}, body...),
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nft: forget UDP connections to %v: %w", to, err)
	}
	return nil
}

// sweep reads all connections once and drops those that contradict r: UDP to
// an endpoint that the service does not have, and any that went to a service
// address undirected because the table was not there.
func (t *Table) sweep(r ruleset.Ruleset) error {
	w := stale{cfg: r.Config, ends: map[ruleset.Key]bool{}, local: map[netip.Addr]bool{}}
	for _, e := range r.Elements {
		switch e.Set {
		case ruleset.Endpoints:
			k := e.Key
			k.Slot, k.To = 0, e.To
			w.ends[k] = true
		case ruleset.Local:
			w.local[e.Key.Addr] = true
		}
	}
	_, err := vnetlink.ConntrackDeleteFilters(vnetlink.ConntrackTable, unix.AF_INET, w)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nft: look through the connections (is the module nf_conntrack_netlink there?): %w", err)
	}
	return nil
}

type stale struct {
	cfg   ruleset.Config
	ends  map[ruleset.Key]bool // Slot is 0, To the endpoint
	local map[netip.Addr]bool
}

// MatchConntrackFlow says whether the connection is to be dropped.
func (w stale) MatchConntrackFlow(f *vnetlink.ConntrackFlow) bool {
	to, ok1 := netip.AddrFromSlice(f.Forward.DstIP)
	by, ok2 := netip.AddrFromSlice(f.Reverse.SrcIP)
	to, by = to.Unmap(), by.Unmap()
	if !ok1 || !ok2 || !w.cfg.ServiceRange.Contains(to) || w.local[to] {
		return false
	}
	if by == to {
		return true
	}
	end := ruleset.Key{
		Addr: to, Protocol: f.Forward.Protocol, Port: f.Forward.DstPort,
		To: netip.AddrPortFrom(by, f.Reverse.SrcPort),
	}
	return f.Forward.Protocol == ruleset.UDP && !w.ends[end]
}
