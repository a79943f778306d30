package events

import "cairn/events/wire"

// Facts is all of a record that the fold may read, extracted by the writer.
// For a kind without a message of its own the common fields are enough.
// Field numbers are frozen; a new field belongs to a new gate.
//
// Invariant: integers only; lists that mean sets (labels, selectors,
// finalizers) are sorted by the writer and without duplicates.
type Facts struct {
	Labels     []Pair
	Owners     []Owner
	Finalizers []string
	Deleting   int64  // deletion time, Unix seconds; 0: not deleting
	Grace      int64  // deletion grace period, seconds
	Generation uint64 // metadata.generation
	Sizes      []Size // a Secret's or ConfigMap's keys and value sizes; never values

	Pod        *Pod
	Service    *Service
	Workload   *Workload   // ReplicationController, ReplicaSet
	Deployment *Deployment // only what is not in Workload
	Node       *Node
	Endpoints  *EndpointSet // a user's own Endpoints or EndpointSlice

	Placement  *Placement
	Report     *Report
	Cell       *Cell
	Denial     *Denial
	Activation *Activation
	Rollout    *Rollout  // status.updated of a workload by the rollout reconciler
	Decision   *Decision // pod.unschedulable: why no node fits
	Server     *Server   // server.registered
}

// Pair is a label or a node selector entry.
type Pair struct{ Key, Value string }

// Size is one key of a Secret or ConfigMap with its value's size in bytes.
type Size struct {
	Key   string
	Bytes uint64
}

// Owner is one of metadata.ownerReferences.
type Owner struct {
	Kind       string // as in Ref: replicasets.apps
	Name, UID  string
	Controller bool
	Block      bool // blockOwnerDeletion
}

// Cell is record 0's: what the fold must know of the cell, for its whole life.
type Cell struct {
	Name         string
	Incarnation  string // a UUID
	R0           uint64 // lifts this incarnation's revisions above all before it
	Gate         Gate   // active from record 0 on
	Window       uint64 // W: a record more than W past its base is refused; ids are kept that long
	PodRange     string // CIDR
	ServiceRange string // CIDR
	NodeMask     uint64 // prefix length of a node's share of PodRange
	NodePortLow  uint64
	NodePortHigh uint64 // inclusive
	DNSAddress   string // never handed out to a Service unasked
}

// Activation makes a gate the active one from the next record on.
type Activation struct{ Gate Gate }

// Server is what a server says of itself when it starts.
type Server struct {
	Supports Gate   // the highest gate it knows
	Version  string // cairn's, for people
}

// Denial is what request.refused says: a request refused before append.
type Denial struct {
	Verb, Resource string
	Status         uint64 // HTTP status
	Count          uint64 // how many alike since Since; 1 when in full
	Since          int64  // Unix seconds
}

// Rollout claims work done by the rollout reconciler.
type Rollout struct {
	ObservedGeneration uint64
	Available          uint64
	Unavailable        uint64
	Complete           bool
}

func (f *Facts) Fields(w *wire.Codec) {
	w.Since(uint64(GateFirst))
	wire.Repeated(w, 1, &f.Labels)
	wire.Repeated(w, 2, &f.Owners)
	w.Strs(3, &f.Finalizers)
	w.Int(4, &f.Deleting)
	w.Int(5, &f.Grace)
	w.Uint(6, &f.Generation)
	wire.Repeated(w, 7, &f.Sizes)
	wire.Optional(w, 16, &f.Pod)
	wire.Optional(w, 17, &f.Service)
	wire.Optional(w, 18, &f.Workload)
	wire.Optional(w, 19, &f.Deployment)
	wire.Optional(w, 20, &f.Node)
	wire.Optional(w, 21, &f.Endpoints)
	wire.Optional(w, 32, &f.Placement)
	wire.Optional(w, 33, &f.Report)
	wire.Optional(w, 34, &f.Cell)
	wire.Optional(w, 35, &f.Denial)
	wire.Optional(w, 36, &f.Activation)
	wire.Optional(w, 37, &f.Rollout)
	wire.Optional(w, 38, &f.Decision)
	wire.Optional(w, 39, &f.Server)
}

func (p *Pair) Fields(w *wire.Codec) { w.Str(1, &p.Key); w.Str(2, &p.Value) }
func (s *Size) Fields(w *wire.Codec) { w.Str(1, &s.Key); w.Uint(2, &s.Bytes) }

func (o *Owner) Fields(w *wire.Codec) {
	w.Str(1, &o.Kind)
	w.Str(2, &o.Name)
	w.Str(3, &o.UID)
	w.Bool(4, &o.Controller)
	w.Bool(5, &o.Block)
}

func (c *Cell) Fields(w *wire.Codec) {
	w.Str(1, &c.Name)
	w.Str(2, &c.Incarnation)
	w.Uint(3, &c.R0)
	w.Uint(4, (*uint64)(&c.Gate))
	w.Uint(5, &c.Window)
	w.Str(6, &c.PodRange)
	w.Str(7, &c.ServiceRange)
	w.Uint(8, &c.NodeMask)
	w.Uint(9, &c.NodePortLow)
	w.Uint(10, &c.NodePortHigh)
	w.Str(11, &c.DNSAddress)
}

func (a *Activation) Fields(w *wire.Codec) { w.Uint(1, (*uint64)(&a.Gate)) }

func (s *Server) Fields(w *wire.Codec) {
	w.Uint(1, (*uint64)(&s.Supports))
	w.Str(2, &s.Version)
}

func (d *Denial) Fields(w *wire.Codec) {
	w.Str(1, &d.Verb)
	w.Str(2, &d.Resource)
	w.Uint(3, &d.Status)
	w.Uint(4, &d.Count)
	w.Int(5, &d.Since)
}

func (r *Rollout) Fields(w *wire.Codec) {
	w.Uint(1, &r.ObservedGeneration)
	w.Uint(2, &r.Available)
	w.Uint(3, &r.Unavailable)
	w.Bool(4, &r.Complete)
}

// EncodeFacts and DecodeFacts serve the fold's own rows and views.
func EncodeFacts(f *Facts) []byte { return wire.Encode(f) }

// DecodeFacts reads what EncodeFacts wrote; its error wraps ErrMalformed.
func DecodeFacts(b []byte) (*Facts, error) {
	f := new(Facts)
	return f, wire.Decode(b, f)
}
