package events

import "cairn/events/wire"

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

// EndpointSet is a user's own Endpoints, or its own EndpointSlice: then there
// is one subset.
type EndpointSet struct {
	Service string // the Service's name
	Subsets []EndpointSubset
}

// EndpointSubset is addresses that all serve the same ports.
type EndpointSubset struct {
	Ports     []EndpointPort
	Addresses []EndpointAddress
}

// EndpointPort is one port of a subset.
type EndpointPort struct {
	Name, Protocol, AppProtocol string
	Port                        uint64
}

// EndpointAddress is one address of a subset.
type EndpointAddress struct {
	Address, Hostname, Node string
	Ready                   bool
}

// Selector is a normalised label selector: requirements sorted by key,
// operator; their values sorted.
type Selector struct{ Requirements []Requirement }

// Requirement as in meta/v1; Operator is In, NotIn, Exists or DoesNotExist.
type Requirement struct {
	Key, Operator string
	Values        []string
}

// TemplateHashAnnotation carries Workload.TemplateHash from a Deployment to the
// ReplicaSets made for it, so that both are known by the same one.
const TemplateHashAnnotation = "cairn.dev/template-hash"

// Workload holds what replicas and projected counts must know.
type Workload struct {
	Replicas        uint64
	Selector        Selector
	TemplateHash    string // of the pod template as it was first written: kept while the template means the same
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

func (s *Service) Fields(w *wire.Codec) {
	w.Str(1, &s.Type)
	wire.Repeated(w, 2, &s.Selector)
	w.Bool(3, &s.Headless)
	w.Str(4, &s.ClusterIP)
	wire.Repeated(w, 5, &s.Ports)
	w.Bool(6, &s.PublishNotReady)
	w.Uint(7, &s.StickySeconds)
	w.Str(8, &s.ExternalName)
}

func (p *ServicePort) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	w.Str(2, &p.Protocol)
	w.Uint(3, &p.Port)
	w.Uint(4, &p.Target)
	w.Str(5, &p.TargetName)
	w.Uint(6, &p.NodePort)
	w.Str(7, &p.AppProtocol)
}

func (e *EndpointSet) Fields(w *wire.Codec) {
	w.Str(1, &e.Service)
	wire.Repeated(w, 2, &e.Subsets)
}

func (e *EndpointSubset) Fields(w *wire.Codec) {
	wire.Repeated(w, 1, &e.Ports)
	wire.Repeated(w, 2, &e.Addresses)
}

func (p *EndpointPort) Fields(w *wire.Codec) {
	w.Str(1, &p.Name)
	w.Str(2, &p.Protocol)
	w.Str(3, &p.AppProtocol)
	w.Uint(4, &p.Port)
}

func (a *EndpointAddress) Fields(w *wire.Codec) {
	w.Str(1, &a.Address)
	w.Str(2, &a.Hostname)
	w.Str(3, &a.Node)
	w.Bool(4, &a.Ready)
}

func (s *Selector) Fields(w *wire.Codec) { wire.Repeated(w, 1, &s.Requirements) }

func (r *Requirement) Fields(w *wire.Codec) {
	w.Str(1, &r.Key)
	w.Str(2, &r.Operator)
	w.Strs(3, &r.Values)
}

func (l *Workload) Fields(w *wire.Codec) {
	w.Uint(1, &l.Replicas)
	wire.Inline(w, 2, &l.Selector)
	w.Str(3, &l.TemplateHash)
	wire.Repeated(w, 4, &l.TemplateLabels)
	w.Uint(5, &l.MinReadySeconds)
}

func (d *Deployment) Fields(w *wire.Codec) {
	w.Bool(1, &d.Recreate)
	wire.Inline(w, 2, &d.MaxSurge)
	wire.Inline(w, 3, &d.MaxUnavailable)
	w.Bool(4, &d.Paused)
	w.Uint(5, &d.HistoryLimit)
	w.Uint(6, &d.DeadlineSeconds)
}

func (a *Amount) Fields(w *wire.Codec) {
	w.Uint(1, &a.Value)
	w.Bool(2, &a.Percent)
}
