package events

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
	Spread       []Pair // labels of the set it should be spread with (its controller's selector); empty: none
	Hostname     string
	Subdomain    string
	Identity     bool     // replaced only after its node confirmed the stop
	Gates        []string // readiness gates; kept for a later fold
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
	Registration Offset // the node's registration that its writer saw
	Why          string // the scheduler's reasons, for people
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

// Report is what every report of a node about a pod says.
type Report struct {
	Epoch        uint64 // the placement it speaks of
	Registration Offset // the node's registration
	Feed         Offset // the assignment's offset that it acted on
	Happened     int64  // on the node's clock, Unix nanoseconds
	Phase        Phase
	Ready        bool
	Incidents    []Incident
}

// Incident is one thing worth telling a person: a row of `kubectl get events`.
type Incident struct {
	Reason    string // Pulled, Created, Started, Killing, BackOff, Unhealthy, ...
	Message   string
	Container string
	Warning   bool
}

func (p *Pod) fields(w *wire) {
	inline(w, 1, &p.Requests)
	repeated(w, 2, &p.NodeSelector)
	repeated(w, 3, &p.Tolerations)
	repeated(w, 4, &p.HostPorts)
	repeated(w, 5, &p.Ports)
	w.str(6, &p.NodeName)
	w.bool(7, &p.HostNetwork)
	w.int(8, &p.Priority)
	w.str(9, &p.Scheduler)
	repeated(w, 10, &p.Spread)
	w.str(11, &p.Hostname)
	w.str(12, &p.Subdomain)
	w.bool(13, &p.Identity)
	w.strs(14, &p.Gates)
}

func (r *Resources) fields(w *wire) {
	w.uint(1, &r.MilliCPU)
	w.uint(2, &r.Memory)
	w.uint(3, &r.Storage)
	w.uint(4, &r.Pods)
}

func (t *Toleration) fields(w *wire) {
	w.str(1, &t.Key)
	w.str(2, &t.Operator)
	w.str(3, &t.Value)
	w.str(4, &t.Effect)
	w.int(5, &t.Seconds)
	w.bool(6, &t.Forever)
}

func (h *HostPort) fields(w *wire) {
	w.str(1, &h.Protocol)
	w.str(2, &h.Address)
	w.uint(3, &h.Port)
}

func (p *PodPort) fields(w *wire) {
	w.str(1, &p.Name)
	w.str(2, &p.Protocol)
	w.uint(3, &p.Port)
}

func (n *Node) fields(w *wire) {
	w.bool(1, &n.Unschedulable)
	repeated(w, 2, &n.Taints)
	inline(w, 3, &n.Allocatable)
	repeated(w, 4, &n.Addresses)
}

func (t *Taint) fields(w *wire) {
	w.str(1, &t.Key)
	w.str(2, &t.Value)
	w.str(3, &t.Effect)
}

func (p *Placement) fields(w *wire) {
	w.str(1, &p.Node)
	w.int(2, (*int64)(&p.Registration))
	w.str(3, &p.Why)
}

func (r *Report) fields(w *wire) {
	w.uint(1, &r.Epoch)
	w.int(2, (*int64)(&r.Registration))
	w.int(3, (*int64)(&r.Feed))
	w.int(4, &r.Happened)
	w.uint(5, (*uint64)(&r.Phase))
	w.bool(6, &r.Ready)
	repeated(w, 7, &r.Incidents)
	if w.reading && r.Phase > Failed {
		w.fail("phase %d", r.Phase)
	}
}

func (i *Incident) fields(w *wire) {
	w.str(1, &i.Reason)
	w.str(2, &i.Message)
	w.str(3, &i.Container)
	w.bool(4, &i.Warning)
}
