package nft

import (
	"encoding/binary"
	"net/netip"

	"cairn/dataplane/ruleset"

	"github.com/google/nftables"
)

// listBytes bounds one message's list of elements: its length attribute has
// 16 bits and wraps silently.
const listBytes = 60_000

func native(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func appendAddr(b []byte, a netip.Addr) []byte {
	ip := a.As4()
	return append(b, ip[:]...)
}

// appendPort pads to a register, as concatenations do.
func appendPort(b []byte, p uint16) []byte { return append(b, byte(p>>8), byte(p), 0, 0) }

func appendProtocol(b []byte, p uint8) []byte { return append(b, p, 0, 0, 0) }

func appendBackend(b []byte, to netip.AddrPort) []byte {
	return appendPort(appendAddr(b, to.Addr()), to.Port())
}

// encode is an element as the kernel stores it.
func encode(e ruleset.Element) nftables.SetElement {
	k := e.Key
	b := make([]byte, 0, 24)
	switch e.Set {
	case ruleset.Hairpin:
		return nftables.SetElement{Key: appendAddr(appendAddr(b, k.Addr), k.Addr)}
	case ruleset.NodePorts:
		to := appendProtocol(appendAddr(nil, e.To.Addr()), k.Protocol)
		return nftables.SetElement{Key: appendPort(appendProtocol(b, k.Protocol), k.Port), Val: appendPort(to, e.To.Port())}
	}
	b = appendAddr(b, k.Addr)
	if e.Set == ruleset.Vips || e.Set == ruleset.Endpoints || e.Set == ruleset.Live {
		b = appendPort(appendProtocol(b, k.Protocol), k.Port)
	}
	switch e.Set {
	case ruleset.Vips:
		return nftables.SetElement{Key: b, Val: native(uint32(e.Mark))}
	case ruleset.Endpoints:
		return nftables.SetElement{Key: append(b, native(k.Slot)...), Val: appendBackend(nil, e.To)}
	case ruleset.Live:
		return nftables.SetElement{Key: appendBackend(b, k.To)}
	}
	return nftables.SetElement{Key: b}
}

// chunks cuts elements into lists that fit one message each.
func chunks(all []nftables.SetElement) [][]nftables.SetElement {
	var out [][]nftables.SetElement
	start, size := 0, 0
	for i, e := range all {
		n := 12 + len(e.Key) + 3
		if len(e.Val) > 0 {
			n += 8 + len(e.Val) + 3
		}
		if e.VerdictData != nil {
			n += 24 + len(e.VerdictData.Chain) + 4
		}
		if size+n > listBytes {
			out = append(out, all[start:i])
			start, size = i, 0
		}
		size += n
	}
	if start < len(all) {
		out = append(out, all[start:])
	}
	return out
}
