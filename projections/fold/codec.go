package fold

import (
	"cairn/events"
	"cairn/events/wire"
)

// EncodeProjected gives p's canonical bytes: for rows and digests.
func EncodeProjected(p *Projected) []byte { return wire.Encode(p) }

// DecodeProjected reads what EncodeProjected wrote; errors wrap events.ErrMalformed.
func DecodeProjected(b []byte) (*Projected, error) {
	p := new(Projected)
	return p, wire.Decode(b, p)
}

// Fields lists p's fields; numbers are frozen.
func (p *Projected) Fields(w *wire.Codec) {
	wire.Optional(w, 1, &p.Pod)
	wire.Optional(w, 2, &p.Node)
	wire.Optional(w, 3, &p.Service)
	wire.Optional(w, 4, &p.Workload)
	wire.Optional(w, 5, &p.Endpoints)
	wire.Optional(w, 6, &p.Event)
}

// Fields lists s's fields; numbers are frozen.
func (s *PodState) Fields(w *wire.Codec) {
	w.Str(1, &s.Node)
	w.Int(2, (*int64)(&s.Registration))
	w.Uint(3, &s.Epoch)
	w.Int(4, (*int64)(&s.Placed))
	w.Int(5, &s.PlacedAt)
	w.Str(6, &s.Address)
	w.Str(7, &s.HostAddress)
	w.Str(8, &s.Why)
	w.Int(9, (*int64)(&s.Unplaceable))
	w.Uint(10, (*uint64)(&s.Phase))
	w.Bool(11, &s.Ready)
	w.Int(12, &s.ReadyAt)
	w.Int(13, (*int64)(&s.Reported))
	w.Bool(14, &s.Stopped)
	w.Bool(15, &s.Lost)
}

// Fields lists s's fields; numbers are frozen.
func (s *NodeState) Fields(w *wire.Codec) {
	w.Str(1, &s.PodRange)
	w.Int(2, (*int64)(&s.Registration))
	w.Bool(3, &s.Ready)
	w.Int(4, &s.Since)
	w.Str(5, &s.Why)
}

// Fields lists s's fields; numbers are frozen.
func (s *ServiceState) Fields(w *wire.Codec) {
	w.Str(1, &s.ClusterIP)
	numbers(w, 2, &s.NodePorts)
}

// Fields lists s's fields; numbers are frozen.
func (s *WorkloadState) Fields(w *wire.Codec) {
	w.Uint(1, &s.Replicas)
	w.Uint(2, &s.FullyLabeled)
	w.Uint(3, &s.Ready)
	w.Uint(4, &s.Updated)
	w.Uint(5, &s.Unavailable)
}

// Fields lists s's fields; numbers are frozen.
func (s *EndpointsState) Fields(w *wire.Codec) {
	w.Str(1, &s.Service)
	w.Str(2, &s.ServiceUID)
	wire.Repeated(w, 3, &s.Ports)
	wire.Repeated(w, 4, &s.Backends)
}

// Fields lists b's fields; numbers are frozen.
func (b *Backend) Fields(w *wire.Codec) {
	w.Str(1, &b.Address)
	w.Str(2, &b.Node)
	w.Str(3, &b.Pod)
	w.Str(4, &b.PodUID)
	w.Str(5, &b.Hostname)
	w.Bool(6, &b.Ready)
	w.Bool(7, &b.Serving)
	w.Bool(8, &b.Terminating)
	numbers(w, 9, &b.Targets)
}

// Fields lists s's fields; numbers are frozen.
func (s *EventState) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &s.Regarding)
	w.Str(2, &s.RegardingUID)
	w.Str(3, &s.Reason)
	w.Str(4, &s.Message)
	w.Bool(5, &s.Warning)
	w.Str(6, &s.Component)
	w.Int(7, &s.Time)
	w.Int(8, (*int64)(&s.Offset))
	w.Str(9, &s.Container)
}

type number struct{ v uint64 }

func (n *number) Fields(w *wire.Codec) { w.Uint(1, &n.v) }

// numbers writes one field per element; an element may be zero.
func numbers(w *wire.Codec, num wire.Number, p *[]uint64) {
	var list []number
	for _, v := range *p {
		list = append(list, number{v})
	}
	if w.Reading() {
		list = nil
	}
	wire.Repeated(w, num, &list)
	if w.Reading() {
		for _, n := range list {
			*p = append(*p, n.v)
		}
	}
}

// Fields lists r's fields; numbers are frozen.
func (r *objectRow) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &r.ref)
	w.Str(2, &r.uid)
	w.Uint(3, (*uint64)(&r.revision))
	w.Uint(4, (*uint64)(&r.written))
	w.Uint(5, (*uint64)(&r.created))
	wire.Optional(w, 6, &r.facts)
	wire.Optional(w, 7, &r.projected)
}

// Fields lists g's fields; numbers are frozen.
func (g *globals) Fields(w *wire.Codec) {
	wire.Optional(w, 1, &g.cell)
	w.Int(2, (*int64)(&g.last))
	w.Int(3, &g.time)
	w.Uint(4, &g.version)
	w.Str(5, &g.lastServiceIP)
	w.Uint(6, &g.lastNodePort)
	w.Str(7, &g.lastNodeRange)
}

// Fields lists c's fields; numbers are frozen.
func (c *claim) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &c.pod)
	w.Str(2, &c.uid)
	w.Uint(3, &c.epoch)
	w.Str(4, &c.node)
}

// Fields lists s's fields; numbers are frozen.
func (s *share) Fields(w *wire.Codec) {
	w.Str(1, &s.rangeText)
	w.Str(2, &s.last)
}

var _ = events.NoOffset
