package fold

import "cairn/events"

// Projected holds the fields of an object that the fold owns. At most one of
// the pointers is set, by kind. Readers lay them over the stored parts.
type Projected struct {
	Pod       *PodState
	Node      *NodeState
	Service   *ServiceState
	Workload  *WorkloadState
	Endpoints *EndpointsState // Endpoints and EndpointSlices of selector services, rendered whole
	Event     *EventState     // an Event, rendered whole
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
	Why          string        // the scheduler's reasons, for the placement or against one
	Unplaceable  events.Offset // the last pod.unschedulable record; 0: none
	Phase        events.Phase
	Ready        bool
	ReadyAt      int64         // ledger time of the last change of Ready, ns
	Reported     events.Offset // the last report; 0: none
	Stopped      bool          // sandbox.removed has been folded for this epoch
	Lost         bool          // its node is lost
}

// NodeState is a node's registration, health and what is placed on it.
type NodeState struct {
	PodRange     string        // CIDR of its pods
	Registration events.Offset // of the last node.registered; 0: none
	Ready        bool
	Since        int64 // ledger time of the last change of Ready, ns
	Why          string
}

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

// EndpointsState is what serves a service.
type EndpointsState struct {
	Service    string
	ServiceUID string
	Ports      []events.ServicePort
	Backends   []Backend // ordered by address, then pod
}

// Backend is one pod behind a service.
type Backend struct {
	Address     string
	Node        string
	Pod, PodUID string
	Hostname    string
	Ready       bool // in rotation
	Serving     bool // ready, though perhaps terminating
	Terminating bool
	Targets     []uint64 // port number per EndpointsState.Ports entry; 0: the pod has no such port
}

// EventState is one row of `kubectl get events`.
type EventState struct {
	Regarding    events.Ref
	RegardingUID string
	Reason       string
	Message      string
	Warning      bool
	Component    string // who reports: node n1, reconciler replicas, alice
	Time         int64  // ledger time, ns
	Offset       events.Offset
	Container    string
}
