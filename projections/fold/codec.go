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
	w.Since(uint64(events.GateFirst))
	wire.Optional(w, 1, &p.Pod)
	wire.Optional(w, 2, &p.Node)
	wire.Optional(w, 3, &p.Service)
	wire.Optional(w, 4, &p.Workload)
	wire.Optional(w, 5, &p.Endpoints)
	wire.Optional(w, 6, &p.Slice)
	wire.Optional(w, 7, &p.Server)
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
	w.Int(8, (*int64)(&s.Unplaceable))
	wire.Optional(w, 9, &s.Decision)
	w.Uint(10, &s.Attempts)
	w.Int(11, &s.TriedAt)
	w.Uint(12, (*uint64)(&s.Phase))
	w.Bool(13, &s.Ready)
	w.Int(14, &s.ReadyAt)
	w.Int(15, (*int64)(&s.Reported))
	w.Bool(16, &s.Stopped)
	w.Bool(17, &s.Lost)
}

// Fields lists s's fields; numbers are frozen.
func (s *NodeState) Fields(w *wire.Codec) {
	w.Str(1, &s.PodRange)
	w.Int(2, (*int64)(&s.Registration))
	w.Bool(3, &s.Ready)
	w.Int(4, &s.Since)
	code := uint64(s.Code)
	w.Uint(5, &code)
	w.Str(6, &s.Note)
	if w.Reading() {
		s.Code = NodeCode(code)
	}
}

// Fields lists s's fields; numbers are frozen.
func (s *ServiceState) Fields(w *wire.Codec) {
	w.Str(1, &s.ClusterIP)
	wire.Numbers(w, 2, &s.NodePorts)
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
	w.Int(3, (*int64)(&s.Updated))
}

// Fields lists s's fields; numbers are frozen.
func (s *SliceState) Fields(w *wire.Codec) {
	w.Str(1, &s.Service)
	w.Str(2, &s.ServiceUID)
	w.Uint(3, &s.Number)
	w.Bool(4, &s.Mirrored)
	wire.Repeated(w, 5, &s.Ports)
	wire.Numbers(w, 6, &s.Targets)
	wire.Repeated(w, 7, &s.Backends)
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
}

// Fields lists s's fields; numbers are frozen.
func (s *ServerState) Fields(w *wire.Codec) {
	w.Uint(1, (*uint64)(&s.Supports))
	w.Str(2, &s.Version)
	w.Int(3, (*int64)(&s.Registered))
}

// EncodeKubeEvent gives k's canonical bytes: for rows and digests.
func EncodeKubeEvent(k *KubeEvent) []byte { return wire.Encode(k) }

// Fields lists k's fields; numbers are frozen.
func (k *KubeEvent) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &k.Regarding)
	w.Str(2, &k.RegardingUID)
	code := uint64(k.Code)
	w.Uint(3, &code)
	w.Strs(4, &k.Args)
	wire.Optional(w, 5, &k.Decision)
	w.Str(6, &k.Reason)
	w.Str(7, &k.Note)
	w.Bool(8, &k.Warning)
	w.Str(9, &k.Source)
	w.Str(10, &k.Container)
	if w.Reading() {
		k.Code = EventCode(code)
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
	w.Int(1, (*int64)(&g.last))
	w.Int(2, &g.time)
	w.Uint(3, (*uint64)(&g.gate))
	w.Str(4, &g.lastServiceIP)
	w.Uint(5, &g.lastNodePort)
	w.Str(6, &g.lastNodeRange)
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
