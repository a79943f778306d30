package nft

import (
	"fmt"

	"cairn/dataplane/ruleset"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of 32 bits; doc.go says what each holds in balancing rules.
const (
	r0 = unix.NFT_REG32_00 + iota
	r1
	r2
	r3
	r4
	r5
)

// Offsets into the IPv4 and transport headers, in bytes.
const (
	sourceOffset      = 12
	destinationOffset = 16
	portOffset        = 2
)

// dynsetDelete is NFT_DYNSET_OP_DELETE, which x/sys does not name.
const dynsetDelete = 2

// statusDNAT is the bit IPS_DST_NAT of a connection's status.
const statusDNAT = 1 << 5

func network(offset, reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4}
}

func equal(reg uint32, not bool, data []byte) expr.Any {
	op := expr.CmpOpEq
	if not {
		op = expr.CmpOpNeq
	}
	return &expr.Cmp{Op: op, Register: reg, Data: data}
}

func masked(reg uint32, mask []byte) expr.Any {
	return &expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: mask, Xor: make([]byte, 4)}
}

func bitMask(bits int) []byte {
	m := ^uint32(0) << (32 - bits)
	return []byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}
}

// rule translates one rule.
func rule(r ruleset.Rule) []expr.Any {
	var out []expr.Any
	for _, m := range r.If {
		out = append(out, match(m)...)
	}
	return append(out, action(r.Do)...)
}

func match(m ruleset.Match) []expr.Any {
	switch m.Kind {
	case ruleset.InPrefix:
		offset := uint32(destinationOffset)
		if m.Field == ruleset.Source {
			offset = sourceOffset
		}
		ip := m.Prefix.Addr().As4()
		return []expr.Any{network(offset, r0), masked(r0, bitMask(m.Prefix.Bits())), equal(r0, m.Not, ip[:])}
	case ruleset.InSet:
		out := []expr.Any{network(destinationOffset, r0)}
		switch m.Field {
		case ruleset.Pair:
			out = []expr.Any{network(sourceOffset, r0), network(destinationOffset, r1)}
		case ruleset.DestinationBlock:
			out = append(out, masked(r0, bitMask(m.Bits)))
		}
		return append(out, &expr.Lookup{SourceRegister: r0, SetName: m.Set.String(), Invert: m.Not})
	case ruleset.OnLink:
		key := expr.MetaKeyOIFNAME
		if m.Field == ruleset.InLink {
			key = expr.MetaKeyIIFNAME
		}
		name := []byte(m.Link)
		if m.Link[len(m.Link)-1] != '-' {
			name = append(name, 0) // the whole name, not how it begins
		}
		return []expr.Any{&expr.Meta{Key: key, Register: unix.NFT_REG_1}, equal(unix.NFT_REG_1, m.Not, name)}
	case ruleset.DNATed:
		return []expr.Any{
			&expr.Ct{Key: expr.CtKeySTATUS, Register: r0},
			masked(r0, native(statusDNAT)),
			equal(r0, true, native(0)),
		}
	case ruleset.IsProtocol:
		return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: r0}, equal(r0, m.Not, []byte{m.Protocol})}
	}
	panic(fmt.Sprintf("nft: no translation for a match of kind %d: add it to match", m.Kind))
}

func action(a ruleset.Action) []expr.Any {
	verdict := func(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind, Chain: a.Name}} }
	switch a.Kind {
	case ruleset.Accept:
		return verdict(expr.VerdictAccept)
	case ruleset.Drop:
		return append([]expr.Any{&expr.Counter{}}, verdict(expr.VerdictDrop)...)
	case ruleset.Return:
		return verdict(expr.VerdictReturn)
	case ruleset.Jump:
		return verdict(expr.VerdictJump)
	case ruleset.Goto:
		return verdict(expr.VerdictGoto)
	case ruleset.Reset:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}
	case ruleset.Unreachable:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: 3}} // port unreachable
	case ruleset.SNAT:
		ip := a.Addr.As4()
		return []expr.Any{
			&expr.Immediate{Register: r0, Data: ip[:]},
			&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: r0},
		}
	case ruleset.Masquerade:
		return []expr.Any{&expr.Masq{}}
	}
	return balance(a)
}

// balance translates the actions that look services up.
func balance(a ruleset.Action) []expr.Any {
	out := find(a.NodePort)
	remember := &expr.Dynset{
		SrcRegKey: r0, SrcRegData: r4, SetName: stickySet,
		Operation: unix.NFT_DYNSET_OP_UPDATE, Timeout: a.Mark.Sticky(),
	}
	redirect := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: r4, RegProtoMin: r5}
	if a.Mark.Sticky() > 0 {
		out = append(out, network(sourceOffset, r0))
	}
	switch a.Kind {
	case ruleset.Dispatch:
		set := dispatchSet
		if a.NodePort {
			set = dispatchNodeSet
		}
		return append(out,
			&expr.Lookup{SourceRegister: r1, DestRegister: r4, IsDestRegSet: true, SetName: ruleset.Vips.String()},
			&expr.Lookup{SourceRegister: r4, DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true, SetName: set})
	case ruleset.Recall:
		return append(out,
			&expr.Lookup{SourceRegister: r0, DestRegister: r4, IsDestRegSet: true, SetName: stickySet},
			&expr.Lookup{SourceRegister: r1, SetName: ruleset.Live.String()},
			remember, redirect)
	case ruleset.Forget:
		// The data register must be loaded though nothing reads it.
		return append(out,
			&expr.Lookup{SourceRegister: r0, DestRegister: r4, IsDestRegSet: true, SetName: stickySet},
			&expr.Dynset{SrcRegKey: r0, SrcRegData: r4, SetName: stickySet, Operation: dynsetDelete})
	case ruleset.Choose:
		if a.First {
			out = append(out, &expr.Immediate{Register: r4, Data: native(0)})
		} else {
			out = append(out, &expr.Numgen{Register: r4, Modulus: a.Mark.Endpoints(), Type: unix.NFT_NG_RANDOM})
		}
		out = append(out, &expr.Lookup{SourceRegister: r1, DestRegister: r4, IsDestRegSet: true, SetName: ruleset.Endpoints.String()})
		if a.Mark.Sticky() > 0 {
			out = append(out, remember)
		}
		return append(out, redirect)
	}
	panic(fmt.Sprintf("nft: no translation for an action of kind %d: add it to action", a.Kind))
}

// find loads the service's key into r1, r2 and r3.
func find(nodePort bool) []expr.Any {
	out := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: r2},
		&expr.Payload{DestRegister: r3, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: 2},
	}
	if nodePort {
		return append(out, &expr.Lookup{SourceRegister: r2, DestRegister: r1, IsDestRegSet: true, SetName: ruleset.NodePorts.String()})
	}
	return append(out, network(destinationOffset, r1))
}
