package feed

import (
	"net/netip"

	"cairn/events"
	"cairn/events/wire"
)

// VIPEntry is one entry of the VIPs feed. Exactly one of Service, Slice, Change
// and Peer is set; a Key alone says that what it named is gone; without a Key
// it is a mark, or the beginning of a whole list.
type VIPEntry struct {
	Offset  events.Offset // ledger offset it derives from
	Key     string        // see the package's text
	Mark    bool          // verified through Offset
	Whole   bool          // up to the next mark all there is follows: forget what it does not name
	Version uint64        // with Slice and Change: names what the slice holds then
	Service *Service
	Slice   *Slice
	Change  *Change
	Peer    *Peer
}

// Service is a service without its endpoints; or, with no Address, names for
// DNS alone (headless, ExternalName).
type Service struct {
	Address       netip.Addr // cluster IP; zero: none
	ExternalName  string
	StickySeconds uint64
	Ports         []Port // one numbered 0: a headless service without ports, DNS alone
}

// Port is one port of a service.
type Port struct {
	Name     string
	Protocol string // TCP, UDP
	Port     uint16
	NodePort uint16 // 0: none
}

// Slice is the ready endpoints of one EndpointSlice, which all serve the same ports.
//
// Invariant: Endpoints ascend by address, each address once.
type Slice struct {
	Ports     []SlicePort
	Endpoints []Endpoint
}

// SlicePort says which number a service's port has at a slice's endpoints.
type SlicePort struct {
	Name     string
	Protocol string
	Port     uint16
}

// Endpoint is one ready address.
type Endpoint struct {
	Address  netip.Addr
	Hostname string // DNS label of its own, for headless services; may be empty
	Node     string
}

// Change is what differs in a slice; its ports are the same. Both lists ascend
// by address.
type Change struct {
	From uint64       // the version it differs from
	Gone []netip.Addr // endpoints that are no longer ready
	Set  []Endpoint   // endpoints that are new or say something else
}

// Peer is a node and its pods' range.
type Peer struct {
	Name     string
	Address  netip.Addr
	PodRange netip.Prefix
}

func (e *VIPEntry) Fields(w *wire.Codec) {
	offset(w, 1, &e.Offset)
	w.Str(2, &e.Key)
	w.Bool(3, &e.Mark)
	w.Bool(4, &e.Whole)
	w.Uint(5, &e.Version)
	wire.Optional(w, 6, &e.Service)
	wire.Optional(w, 7, &e.Slice)
	wire.Optional(w, 8, &e.Change)
	wire.Optional(w, 9, &e.Peer)
}

func (s *Service) Fields(w *wire.Codec) {
	address(w, 1, &s.Address)
	w.Str(2, &s.ExternalName)
	w.Uint(3, &s.StickySeconds)
	wire.Repeated(w, 4, &s.Ports)
}

func (p *Port) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	w.Str(2, &p.Protocol)
	number(w, 3, &p.Port)
	number(w, 4, &p.NodePort)
}

func (s *Slice) Fields(w *wire.Codec) {
	wire.Repeated(w, 1, &s.Ports)
	wire.Repeated(w, 2, &s.Endpoints)
}

func (p *SlicePort) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	w.Str(2, &p.Protocol)
	number(w, 3, &p.Port)
}

func (e *Endpoint) Fields(w *wire.Codec) {
	address(w, 1, &e.Address)
	w.Str(2, &e.Hostname)
	w.Str(3, &e.Node)
}

func (c *Change) Fields(w *wire.Codec) {
	w.Uint(1, &c.From)
	var gone []string
	for _, a := range c.Gone {
		gone = append(gone, string(a.AsSlice()))
	}
	if w.Reading() {
		gone = nil
	}
	w.Strs(2, &gone)
	if w.Reading() {
		for _, b := range gone {
			c.Gone = append(c.Gone, addressOf(w, 2, []byte(b)))
		}
	}
	wire.Repeated(w, 3, &c.Set)
}

func (p *Peer) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	address(w, 2, &p.Address)
	var b []byte
	if !w.Reading() && p.PodRange.IsValid() {
		b, _ = p.PodRange.MarshalBinary() // has no error of its own
	}
	w.Bytes(3, &b)
	if w.Reading() && len(b) > 0 && p.PodRange.UnmarshalBinary(b) != nil {
		w.Fail("field 3: no prefix")
	}
}

// address writes an address as its 4 or 16 bytes; the zero one is left out.
func address(w *wire.Codec, num wire.Number, a *netip.Addr) {
	var b []byte
	if !w.Reading() {
		b = a.AsSlice()
	}
	w.Bytes(num, &b)
	if w.Reading() && len(b) > 0 {
		*a = addressOf(w, num, b)
	}
}

func addressOf(w *wire.Codec, num wire.Number, b []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		w.Fail("field %d: an address has %d bytes", num, len(b))
	}
	return a
}

// number writes a port.
func number(w *wire.Codec, num wire.Number, p *uint16) {
	v := uint64(*p)
	if w.Reading() {
		v = 0
	}
	w.Uint(num, &v)
	if w.Reading() {
		*p = uint16(v)
	}
	if v > 1<<16-1 {
		w.Fail("field %d: port %d", num, v)
	}
}
