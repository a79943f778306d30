package fold

import (
	"slices"

	"cairn/events"
)

// Projected holds the fields of an object that the fold owns. At most one of
// the pointers is set, by kind. Readers lay them over the stored parts.
type Projected struct {
	Pod       *PodState
	Node      *NodeState
	Service   *ServiceState
	Workload  *WorkloadState
	Endpoints *EndpointsState // Endpoints of a selector service, rendered from its slices
	Slice     *SliceState     // an EndpointSlice, rendered whole
	Server    *ServerState    // a server of the cell, rendered whole
}

// PodState is a pod's placement and what follows from it.
type PodState struct {
	Node         string
	Registration events.Offset // of the node, when it was placed
	Epoch        uint64        // count of placements of this pod
	Placed       events.Offset // the record that placed it; 0: none
	PlacedAt     int64         // ledger time, ns
	Address      string        // pod IP; of the node for host network
	HostAddress  string
	Unplaceable  events.Offset    // the last pod.unschedulable record; 0: none
	Decision     *events.Decision // why it is unschedulable; nil once placed
	Attempts     uint64           // pod.unschedulable records so far
	TriedAt      int64            // ledger time of the last of them, ns
	Phase        events.Phase
	Ready        bool
	ReadyAt      int64         // ledger time of the last change of Ready, ns
	Reported     events.Offset // the last report; 0: none
	Stopped      bool          // sandbox.removed has been folded for this epoch
	Lost         bool          // its node is lost
}

// Finished reports whether the pod has run to its end.
func (p *PodState) Finished() bool {
	return p.Phase == events.Succeeded || p.Phase == events.Failed
}

// Holds reports whether the pod takes room on its node.
func (p *PodState) Holds() bool { return p.Placed != 0 && !p.Stopped && !p.Finished() }

// NodeState is a node's registration, health and what is placed on it.
type NodeState struct {
	PodRange     string        // CIDR of its pods
	Registration events.Offset // of the last node.registered; 0: none
	Ready        bool
	Since        int64    // ledger time of the last change of Ready, ns
	Code         NodeCode // what Ready was last decided by
	Note         string   // what the writer of that record said
}

// NodeCode says what decided a node's health. Append only.
type NodeCode uint8

const (
	NodeUnknown     NodeCode = iota // never registered
	NodeHasJoined                   // node.registered
	NodeIsLost                      // node.lost
	NodeHasReturned                 // node.ready
)

// ServiceState is a service's addresses.
type ServiceState struct {
	ClusterIP string   // None when headless, empty for ExternalName
	NodePorts []uint64 // one per port, 0 where none
}

// WorkloadState counts the pods a workload controls.
type WorkloadState struct {
	Replicas, FullyLabeled, Ready uint64 // ReplicaSet, ReplicationController: its live pods
	Updated, Unavailable          uint64 // Deployment: Updated counts the pods of the current template
}

// EndpointsState stands for the Endpoints of a selector service: they are
// rendered from its slices as of the same revision. It changes with them, so
// that revisions and watches of the Endpoints do.
type EndpointsState struct {
	Service    string
	ServiceUID string
	Updated    events.Offset // the last record that changed a slice of it
}

// MaxSlice is how many backends a slice holds at most.
const MaxSlice = 100

// SliceState is one EndpointSlice.
//
// Invariant: at most MaxSlice backends; a pod stands in one slice of a service,
// and stays in it as long as it serves the same ports.
type SliceState struct {
	Service    string
	ServiceUID string // empty where Endpoints of that name have no Service
	Number     uint64
	Mirrored   bool // from a user's own Endpoints: backends have no pod, and may stand in several slices
	Ports      []events.ServicePort
	Targets    []uint64  // port number per Ports entry, the same for all backends; 0: none
	Backends   []Backend // in no order; sort what is shown
}

// Backend is one address behind a service.
type Backend struct {
	Address     string
	Node        string
	Pod, PodUID string // empty: a user's own
	Hostname    string
	Ready       bool // in rotation
	Serving     bool // ready, though perhaps terminating
	Terminating bool
}

// ServerState is an API server that is registered and has not left.
type ServerState struct {
	Supports   events.Gate
	Version    string
	Registered events.Offset
}

// sameProjected compares what two states say.
func sameProjected(a, b *Projected) bool {
	if a == nil || b == nil {
		return a == b
	}
	return same(a.Pod, b.Pod, samePod) && same(a.Node, b.Node, equal) && same(a.Service, b.Service, sameService) &&
		same(a.Workload, b.Workload, equal) && same(a.Endpoints, b.Endpoints, equal) && same(a.Slice, b.Slice, sameSlice) &&
		same(a.Server, b.Server, equal)
}

func same[T any](a, b *T, eq func(a, b *T) bool) bool {
	return a == b || a != nil && b != nil && eq(a, b)
}

func equal[T comparable](a, b *T) bool { return *a == *b }

func samePod(a, b *PodState) bool {
	x, y := *a, *b
	x.Decision, y.Decision = nil, nil
	return x == y && sameMessage(a.Decision, b.Decision)
}

func sameService(a, b *ServiceState) bool {
	return a.ClusterIP == b.ClusterIP && slices.Equal(a.NodePorts, b.NodePorts)
}

func sameSlice(a, b *SliceState) bool {
	return a.Service == b.Service && a.ServiceUID == b.ServiceUID && a.Number == b.Number && a.Mirrored == b.Mirrored &&
		slices.Equal(a.Ports, b.Ports) && slices.Equal(a.Targets, b.Targets) && slices.Equal(a.Backends, b.Backends)
}
