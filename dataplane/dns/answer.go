package dns

import (
	"context"
	"strings"

	mdns "github.com/miekg/dns"
)

// answer makes the reply to a query with one question, from one snapshot;
// outside asks somebody else for what is not the cell's.
func (s *Snapshot) answer(ctx context.Context, q *mdns.Msg, outside func(context.Context, *mdns.Msg) *mdns.Msg) *mdns.Msg {
	if len(q.Question) != 1 || q.Opcode != mdns.OpcodeQuery {
		return new(mdns.Msg).SetRcode(q, mdns.RcodeNotImplemented)
	}
	question := q.Question[0]
	name := strings.ToLower(question.Name)
	m := new(mdns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	if target, ok := s.reverse(name); ok && asks(question.Qtype, mdns.TypePTR) {
		m.Authoritative = true
		m.Answer = append(m.Answer, &mdns.PTR{Hdr: header(question.Name, mdns.TypePTR), Ptr: target})
		return m
	}
	if !s.covers(name) {
		return outside(ctx, q)
	}
	m.Authoritative = true
	entries, exists := s.lookup(name)
	switch {
	case question.Qclass != mdns.ClassINET && question.Qclass != mdns.ClassANY:
		m.Rcode = mdns.RcodeRefused
		return m
	case !exists:
		m.Rcode = mdns.RcodeNameError
	}
	for _, e := range entries {
		if asks(question.Qtype, e.kind) || e.kind == mdns.TypeCNAME {
			m.Answer = append(m.Answer, e.record(question.Name))
		}
		if e.kind == mdns.TypeCNAME && question.Qtype != mdns.TypeCNAME {
			s.follow(ctx, m, e.target, question.Qtype, outside)
		}
		if e.kind == mdns.TypeSRV && question.Qtype == mdns.TypeSRV {
			s.extra(m, e.target)
		}
	}
	if name == s.zone && asks(question.Qtype, mdns.TypeSOA) {
		m.Answer = append(m.Answer, s.soa())
	}
	if len(m.Answer) == 0 && (m.Rcode == mdns.RcodeSuccess || m.Rcode == mdns.RcodeNameError) {
		m.Ns = []mdns.RR{s.soa()}
	}
	return m
}

// follow adds where an alias leads. An alias into the cell is followed once:
// two external names that point at each other would lead on for ever.
func (s *Snapshot) follow(ctx context.Context, m *mdns.Msg, target string, kind uint16, outside func(context.Context, *mdns.Msg) *mdns.Msg) {
	lower := strings.ToLower(target)
	if s.covers(lower) {
		entries, _ := s.lookup(lower)
		for _, e := range entries {
			if asks(kind, e.kind) && e.kind != mdns.TypeCNAME {
				m.Answer = append(m.Answer, e.record(target))
			}
		}
		return
	}
	q := new(mdns.Msg)
	q.SetQuestion(target, kind)
	r := outside(ctx, q)
	m.Answer = append(m.Answer, r.Answer...)
	m.Rcode = r.Rcode
}

// extra adds the addresses of an SRV's target, once each.
func (s *Snapshot) extra(m *mdns.Msg, target string) {
	for _, rr := range m.Extra {
		if rr.Header().Name == target {
			return
		}
	}
	entries, _ := s.lookup(target)
	for _, e := range entries {
		if e.kind == mdns.TypeA {
			m.Extra = append(m.Extra, e.record(target))
		}
	}
}

func asks(question, kind uint16) bool { return question == kind || question == mdns.TypeANY }

func header(name string, kind uint16) mdns.RR_Header {
	return mdns.RR_Header{Name: name, Rrtype: kind, Class: mdns.ClassINET, Ttl: ttl}
}

func (e entry) record(name string) mdns.RR {
	h := header(name, e.kind)
	switch e.kind {
	case mdns.TypeCNAME:
		return &mdns.CNAME{Hdr: h, Target: e.target}
	case mdns.TypeSRV:
		return &mdns.SRV{Hdr: h, Priority: 0, Weight: 100, Port: e.port, Target: e.target}
	case mdns.TypeTXT:
		return &mdns.TXT{Hdr: h, Txt: []string{e.target}}
	}
	return &mdns.A{Hdr: h, A: e.addr.AsSlice()}
}

func (s *Snapshot) soa() mdns.RR {
	return &mdns.SOA{
		Hdr: header(s.zone, mdns.TypeSOA), Ns: "ns.dns." + s.zone, Mbox: "hostmaster." + s.zone,
		// The serial would count changes for secondaries, of which there are none.
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}
