package events

import "cairn/events/wire"

// Pod holds what scheduling, placement and endpoints must know of a pod's spec.
type Pod struct {
	Requests     Resources // the pod's effective requests
	NodeSelector []Pair    // sorted by key
	Tolerations  []Toleration
	HostPorts    []HostPort
	Ports        []PodPort // named ports, for Services that target a name
	NodeName     string    // asked for by the writer itself; empty: to be scheduled
	HostNetwork  bool
	Priority     int64
	Scheduler    string // spec.schedulerName
	Hostname     string
	Subdomain    string
}

// Resources in whole units: CPU in thousandths of a core, memory and
// ephemeral storage in bytes.
type Resources struct {
	MilliCPU uint64
	Memory   uint64
	Storage  uint64
	Pods     uint64 // a node's capacity only
}

// Toleration as in core/v1.
type Toleration struct {
	Key, Operator, Value, Effect string
	Seconds                      int64
	Forever                      bool // no tolerationSeconds given
}

// HostPort is a port of the node that a container claims.
type HostPort struct {
	Protocol string // TCP, UDP, SCTP
	Address  string
	Port     uint64
}

// PodPort is a container's port that has a name.
type PodPort struct {
	Name, Protocol string
	Port           uint64
}

// Node holds what placement must know of a node.
type Node struct {
	Unschedulable bool
	Taints        []Taint
	Allocatable   Resources
	Addresses     []Pair // type, address
}

// Taint as in core/v1.
type Taint struct{ Key, Value, Effect string }

// Placement is what pod.placed says.
type Placement struct {
	Node         string
	Registration Offset    // the node's registration that its writer saw
	Decision     *Decision // what the scheduler chose from; nil: nobody chose
}

// Phase of a pod, in Kubernetes' sense.
type Phase uint64

const (
	Pending   Phase = 0
	Running   Phase = 1
	Succeeded Phase = 2
	Failed    Phase = 3
)

func (p Phase) String() string {
	return [...]string{"Pending", "Running", "Succeeded", "Failed"}[p&3]
}

// MaxIncidents bounds a report: more are malformed.
const MaxIncidents = 64

// Report is what every report of a node about a pod says.
type Report struct {
	Epoch        uint64   // the placement it speaks of
	Registration Offset   // the node's registration
	Feed         Offset   // the assignment's offset that it acted on
	AsOf         Revision // as of which it had the pod's config maps and secrets; 0: none fetched yet
	Happened     int64    // on the node's clock, Unix nanoseconds
	Phase        Phase
	Ready        bool
	Incidents    []Incident // MaxIncidents at most
}

// Incident is one thing worth telling a person: a row of `kubectl get events`.
type Incident struct {
	Reason    string // Pulled, Created, Started, Killing, BackOff, Unhealthy, ...
	Message   string
	Container string
	Warning   bool
}

func (p *Pod) Fields(w *wire.Codec) {
	wire.Inline(w, 1, &p.Requests)
	wire.Repeated(w, 2, &p.NodeSelector)
	wire.Repeated(w, 3, &p.Tolerations)
	wire.Repeated(w, 4, &p.HostPorts)
	wire.Repeated(w, 5, &p.Ports)
	w.Str(6, &p.NodeName)
	w.Bool(7, &p.HostNetwork)
	w.Int(8, &p.Priority)
	w.Str(9, &p.Scheduler)
	w.Str(10, &p.Hostname)
	w.Str(11, &p.Subdomain)
}

func (r *Resources) Fields(w *wire.Codec) {
	w.Uint(1, &r.MilliCPU)
	w.Uint(2, &r.Memory)
	w.Uint(3, &r.Storage)
	w.Uint(4, &r.Pods)
}

func (t *Toleration) Fields(w *wire.Codec) {
	w.Str(1, &t.Key)
	w.Str(2, &t.Operator)
	w.Str(3, &t.Value)
	w.Str(4, &t.Effect)
	w.Int(5, &t.Seconds)
	w.Bool(6, &t.Forever)
}

func (h *HostPort) Fields(w *wire.Codec) {
	w.Str(1, &h.Protocol)
	w.Str(2, &h.Address)
	w.Uint(3, &h.Port)
}

func (p *PodPort) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	w.Str(2, &p.Protocol)
	w.Uint(3, &p.Port)
}

func (n *Node) Fields(w *wire.Codec) {
	w.Bool(1, &n.Unschedulable)
	wire.Repeated(w, 2, &n.Taints)
	wire.Inline(w, 3, &n.Allocatable)
	wire.Repeated(w, 4, &n.Addresses)
}

func (t *Taint) Fields(w *wire.Codec) {
	w.Str(1, &t.Key)
	w.Str(2, &t.Value)
	w.Str(3, &t.Effect)
}

func (p *Placement) Fields(w *wire.Codec) {
	w.Str(1, &p.Node)
	w.Int(2, (*int64)(&p.Registration))
	wire.Optional(w, 3, &p.Decision)
}

func (r *Report) Fields(w *wire.Codec) {
	w.Uint(1, &r.Epoch)
	w.Int(2, (*int64)(&r.Registration))
	w.Int(3, (*int64)(&r.Feed))
	w.Int(4, &r.Happened)
	w.Uint(5, (*uint64)(&r.Phase))
	w.Bool(6, &r.Ready)
	wire.Repeated(w, 7, &r.Incidents)
	w.Uint(8, (*uint64)(&r.AsOf))
	if w.Reading() && r.Phase > Failed {
		w.Fail("phase %d", r.Phase)
	}
	if len(r.Incidents) > MaxIncidents {
		w.Fail("%d incidents", len(r.Incidents))
	}
}

func (i *Incident) Fields(w *wire.Codec) {
	w.Str(1, &i.Reason)
	w.Str(2, &i.Message)
	w.Str(3, &i.Container)
	w.Bool(4, &i.Warning)
}
