package events

// Service holds what addresses and endpoints must know of a Service's spec.
type Service struct {
	Type            string // ClusterIP, NodePort, LoadBalancer, ExternalName
	Selector        []Pair // sorted; empty: endpoints are the user's own
	Headless        bool   // clusterIP: None
	ClusterIP       string // claimed by the writer; empty: the fold assigns one
	Ports           []ServicePort
	PublishNotReady bool
	StickySeconds   uint64 // sessionAffinity ClientIP; 0: none
	ExternalName    string
}

// ServicePort is one port; exactly one of Target and TargetName is set.
type ServicePort struct {
	Name, Protocol string
	Port           uint64
	Target         uint64
	TargetName     string
	NodePort       uint64 // claimed by the writer; 0: the fold assigns one if the type wants one
	AppProtocol    string
}

// EndpointSet is a user's own Endpoints or EndpointSlice.
type EndpointSet struct {
	Service   string // the Service's name
	Endpoints []Endpoint
}

// Endpoint is an address and port that serves one port of a Service.
type Endpoint struct {
	PortName, Protocol string
	Address            string
	Port               uint64
	Ready              bool
}

// Selector is a normalised label selector: requirements sorted by key,
// operator; their values sorted.
type Selector struct{ Requirements []Requirement }

// Requirement as in meta/v1; Operator is In, NotIn, Exists or DoesNotExist.
type Requirement struct {
	Key, Operator string
	Values        []string
}

// Workload holds what replicas and projected counts must know.
type Workload struct {
	Replicas        uint64
	Selector        Selector
	TemplateHash    string // of the pod template without pod-template-hash
	TemplateLabels  []Pair
	MinReadySeconds uint64
}

// Deployment holds what rollout must know beside its Workload.
type Deployment struct {
	Recreate        bool
	MaxSurge        Amount
	MaxUnavailable  Amount
	Paused          bool
	HistoryLimit    uint64 // revisionHistoryLimit
	DeadlineSeconds uint64 // progressDeadlineSeconds
}

// Amount is a count or a percentage.
type Amount struct {
	Value   uint64
	Percent bool
}

func (s *Service) fields(w *wire) {
	w.str(1, &s.Type)
	repeated(w, 2, &s.Selector)
	w.bool(3, &s.Headless)
	w.str(4, &s.ClusterIP)
	repeated(w, 5, &s.Ports)
	w.bool(6, &s.PublishNotReady)
	w.uint(7, &s.StickySeconds)
	w.str(8, &s.ExternalName)
}

func (p *ServicePort) fields(w *wire) {
	w.str(1, &p.Name)
	w.str(2, &p.Protocol)
	w.uint(3, &p.Port)
	w.uint(4, &p.Target)
	w.str(5, &p.TargetName)
	w.uint(6, &p.NodePort)
	w.str(7, &p.AppProtocol)
}

func (e *EndpointSet) fields(w *wire) {
	w.str(1, &e.Service)
	repeated(w, 2, &e.Endpoints)
}

func (e *Endpoint) fields(w *wire) {
	w.str(1, &e.PortName)
	w.str(2, &e.Protocol)
	w.str(3, &e.Address)
	w.uint(4, &e.Port)
	w.bool(5, &e.Ready)
}

func (s *Selector) fields(w *wire) { repeated(w, 1, &s.Requirements) }

func (r *Requirement) fields(w *wire) {
	w.str(1, &r.Key)
	w.str(2, &r.Operator)
	w.strs(3, &r.Values)
}

func (l *Workload) fields(w *wire) {
	w.uint(1, &l.Replicas)
	inline(w, 2, &l.Selector)
	w.str(3, &l.TemplateHash)
	repeated(w, 4, &l.TemplateLabels)
	w.uint(5, &l.MinReadySeconds)
}

func (d *Deployment) fields(w *wire) {
	w.bool(1, &d.Recreate)
	inline(w, 2, &d.MaxSurge)
	inline(w, 3, &d.MaxUnavailable)
	w.bool(4, &d.Paused)
	w.uint(5, &d.HistoryLimit)
	w.uint(6, &d.DeadlineSeconds)
}

func (a *Amount) fields(w *wire) {
	w.uint(1, &a.Value)
	w.bool(2, &a.Percent)
}
