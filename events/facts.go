package events

// Facts is all of a record that the fold may read, extracted by the writer.
// For a kind without a message of its own the common fields are enough.
// Field numbers are frozen; new fields belong to a new fold version.
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
	Rollout    *Rollout // status.updated of a workload by the rollout reconciler
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
	FoldVersion  uint64
	Window       uint64 // W: a record more than W past its base is refused; ids are kept that long
	PodRange     string // CIDR
	ServiceRange string // CIDR
	NodeMask     uint64 // prefix length of a node's share of PodRange
	NodePortLow  uint64
	NodePortHigh uint64 // inclusive
	DNSAddress   string // never handed out to a Service unasked
}

// Activation makes a fold version the active one from the next record on.
type Activation struct{ FoldVersion uint64 }

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

func (f *Facts) fields(w *wire) {
	repeated(w, 1, &f.Labels)
	repeated(w, 2, &f.Owners)
	w.strs(3, &f.Finalizers)
	w.int(4, &f.Deleting)
	w.int(5, &f.Grace)
	w.uint(6, &f.Generation)
	repeated(w, 7, &f.Sizes)
	optional(w, 16, &f.Pod)
	optional(w, 17, &f.Service)
	optional(w, 18, &f.Workload)
	optional(w, 19, &f.Deployment)
	optional(w, 20, &f.Node)
	optional(w, 21, &f.Endpoints)
	optional(w, 32, &f.Placement)
	optional(w, 33, &f.Report)
	optional(w, 34, &f.Cell)
	optional(w, 35, &f.Denial)
	optional(w, 36, &f.Activation)
	optional(w, 37, &f.Rollout)
}

func (p *Pair) fields(w *wire) { w.str(1, &p.Key); w.str(2, &p.Value) }
func (s *Size) fields(w *wire) { w.str(1, &s.Key); w.uint(2, &s.Bytes) }

func (o *Owner) fields(w *wire) {
	w.str(1, &o.Kind)
	w.str(2, &o.Name)
	w.str(3, &o.UID)
	w.bool(4, &o.Controller)
	w.bool(5, &o.Block)
}

func (c *Cell) fields(w *wire) {
	w.str(1, &c.Name)
	w.str(2, &c.Incarnation)
	w.uint(3, &c.R0)
	w.uint(4, &c.FoldVersion)
	w.uint(5, &c.Window)
	w.str(6, &c.PodRange)
	w.str(7, &c.ServiceRange)
	w.uint(8, &c.NodeMask)
	w.uint(9, &c.NodePortLow)
	w.uint(10, &c.NodePortHigh)
	w.str(11, &c.DNSAddress)
}

func (a *Activation) fields(w *wire) { w.uint(1, &a.FoldVersion) }

func (d *Denial) fields(w *wire) {
	w.str(1, &d.Verb)
	w.str(2, &d.Resource)
	w.uint(3, &d.Status)
	w.uint(4, &d.Count)
	w.int(5, &d.Since)
}

func (r *Rollout) fields(w *wire) {
	w.uint(1, &r.ObservedGeneration)
	w.uint(2, &r.Available)
	w.uint(3, &r.Unavailable)
	w.bool(4, &r.Complete)
}

// EncodeFacts and DecodeFacts serve the fold's own rows and views.
func EncodeFacts(f *Facts) []byte { return encode(f) }

// DecodeFacts reads what EncodeFacts wrote; its error wraps ErrMalformed.
func DecodeFacts(b []byte) (*Facts, error) {
	f := new(Facts)
	return f, decode(b, f)
}
