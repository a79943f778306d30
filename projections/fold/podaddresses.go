package fold

import (
	"maps"
	"net/netip"
	"slices"

	"cairn/events"
)

// podAddress hands out an address of the node's share, the one freed longest
// ago last. ok is false where none is free.
func (s *State) podAddress(node string) (netip.Addr, bool) {
	h := s.shares[node]
	r, err := netip.ParsePrefix(h.rangeText)
	if err != nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(h.last)
	if err != nil {
		a = nth(r, 1) // the first two stay the node's own
	}
	for range uint64(1) << (32 - r.Bits()) {
		a = a.Next()
		if !r.Contains(a) || a == lastAddr(r) {
			a = nth(r, 2)
		}
		if _, ok := s.claims[a]; !ok && r.Contains(a) {
			h.last = a.String()
			s.saveShare(node, &h)
			return a, true
		}
	}
	return netip.Addr{}, false
}

// release frees an address once nothing of that epoch can answer on it.
func (s *State) release(a netip.Addr) {
	c, ok := s.claims[a]
	if !ok {
		return
	}
	s.saveClaim(a, nil)
	s.dropShare(c.node)
}

// abandon frees the addresses of a pod that was removed, where its node was
// removed too: who removes both says that nothing of them runs any more.
// Otherwise they stay claimed until the node reports the sandbox's end.
func (s *State) abandon(pod *object) {
	for _, a := range slices.Clone(s.claimed[pod.uid]) {
		if c := s.claims[a]; s.at(events.Ref{Kind: events.Nodes, Name: c.node}) == nil {
			s.release(a)
		}
	}
}

// forgetNode gives back what a removed node holds, but for the addresses of
// pods that are still there.
func (s *State) forgetNode(node string) {
	for _, a := range slices.SortedFunc(maps.Keys(s.claims), netip.Addr.Compare) {
		c := s.claims[a]
		if pod := s.at(c.pod); c.node == node && (pod == nil || pod.uid != c.uid) {
			s.release(a)
		}
	}
	s.dropShare(node)
}

// dropShare gives a removed node's share back once no address of it is claimed.
func (s *State) dropShare(node string) {
	if s.onNode[node] > 0 || s.at(events.Ref{Kind: events.Nodes, Name: node}) != nil {
		return
	}
	if _, ok := s.shares[node]; ok {
		s.saveShare(node, nil)
	}
}

// enterClaim adds a claim to the index, or takes it away.
func (s *State) enterClaim(a netip.Addr, c claim, sign int) {
	list := s.claimed[c.uid]
	if sign > 0 {
		list = append(list, a)
		slices.SortFunc(list, netip.Addr.Compare)
	} else {
		list = slices.DeleteFunc(list, func(b netip.Addr) bool { return a == b })
	}
	if s.claimed[c.uid] = list; len(list) == 0 {
		delete(s.claimed, c.uid)
	}
	if s.onNode[c.node] += sign; s.onNode[c.node] == 0 {
		delete(s.onNode, c.node)
	}
}

// nodeRange gives a node its share of the pod range, in turn.
func (s *State) nodeRange(node string) (string, bool) {
	if h, ok := s.shares[node]; ok {
		return h.rangeText, true
	}
	taken := map[string]bool{}
	for _, h := range s.shares {
		taken[h.rangeText] = true
	}
	bits := int(s.cell.NodeMask)
	if bits < s.pods.Bits() {
		return "", false
	}
	r, err := netip.ParsePrefix(s.lastNodeRange)
	for range uint64(1) << (bits - s.pods.Bits()) {
		if err != nil {
			r, err = netip.PrefixFrom(s.pods.Addr(), bits), nil
		} else if r = netip.PrefixFrom(lastAddr(r).Next(), bits); !r.Addr().IsValid() || !s.pods.Contains(r.Addr()) {
			r = netip.PrefixFrom(s.pods.Addr(), bits)
		}
		if !taken[r.String()] {
			s.lastNodeRange = r.String()
			s.saveShare(node, &share{rangeText: r.String()})
			return r.String(), true
		}
	}
	return "", false
}

func lastAddr(p netip.Prefix) netip.Addr { return nth(p, 1<<(32-p.Bits())-1) }

func nth(p netip.Prefix, n uint32) netip.Addr {
	b := p.Masked().Addr().As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	v += n
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
