package feed

import (
	"encoding/json"

	"cairn/events"
)

// Assignment is the key NAMESPACE/NAME/UID of a pod placed on a node. The node
// fetches spec and configuration from a server as of Revision.
type Assignment struct {
	Namespace, Name, UID string
	Epoch                uint64          // placement of that pod; a report names it
	Registration         events.Offset   // the node's registration it was placed at
	Revision             events.Revision // the pod's revision to fetch
	Digest               string          // hex SHA-256 of the pod's spec part: changes when there is something to fetch anew
	Address              string          // pod IP, assigned by the fold; of the node for host network
	Deleting             int64           // deletion time, Unix seconds; 0: to run
	Grace                int64           // seconds, with Deleting
	Why                  string          // who asked for the deletion, for the pod's story
}

// AssignmentEntry is one entry of the assignments stream: an assignment, its
// end (Gone), or a mark.
type AssignmentEntry struct {
	Offset events.Offset // ledger offset it derives from
	Key    string        `json:",omitempty"` // NAMESPACE/NAME/UID; empty: a mark
	Pod    *Assignment   `json:",omitempty"` // nil with a Key: gone, remove what is left of it
	Mark   bool          `json:",omitempty"` // verified through Offset
}

// VIP is a service with its address and what serves it; or, with no Address,
// names for DNS alone (headless, ExternalName).
type VIP struct {
	Namespace, Name string
	Address         string // cluster IP; empty: none
	ExternalName    string
	StickySeconds   uint64
	Ports           []VIPPort
}

// VIPPort is one port of a service and the ready endpoints behind it.
type VIPPort struct {
	Name      string
	Protocol  string // TCP, UDP
	Port      uint16
	NodePort  uint16 // 0: none
	Endpoints []Endpoint
}

// Endpoint is one ready address.
type Endpoint struct {
	Address  string // IP
	Port     uint16
	Hostname string // DNS label of its own, for headless services; may be empty
	Node     string
}

// VIPEntry is one entry of the VIPs stream.
type VIPEntry struct {
	Offset events.Offset
	Key    string `json:",omitempty"` // NAMESPACE/NAME; empty: a mark
	VIP    *VIP   `json:",omitempty"` // nil with a Key: gone
	Mark   bool   `json:",omitempty"`
}

// NodeInfo is what a daemon tells of its machine when it starts.
type NodeInfo struct {
	Name          string
	BootID        string
	Labels        map[string]string // kubernetes.io/hostname, os, arch
	Addresses     []string          // IPs, the first is the InternalIP
	Streaming     string            // HOST:PORT of its streaming server (log, exec, port-forward)
	MilliCPU      uint64
	MemoryBytes   uint64
	StorageBytes  uint64
	MaxPods       uint64
	Kernel, OS    string
	Runtime       string // runc://1.1.5
	Version       string // cairn's
	Taints        []events.Taint
	Unschedulable bool
}

// Registration is the server's answer: what the node must know of the cell.
type Registration struct {
	Offset       events.Offset // of node.registered; reports carry it
	Cell         string
	Incarnation  string
	PodRange     string // the node's share, CIDR
	CellPodRange string
	ServiceRange string
	DNSAddress   string
	Peers        []Peer
}

// Peer is another node and its pods' range.
type Peer struct{ Name, Address, PodRange string }

// Heartbeat says that the daemon lives; it is no record.
type Heartbeat struct {
	Registration events.Offset
	Verified     events.Offset // the last mark it has acted on
}

// HeartbeatAnswer tells a node whether its registration is still the last one.
type HeartbeatAnswer struct {
	Current bool
	Peers   []Peer
}

// Bundle is a pod and all that it takes to run it, as of a revision. Objects
// are Kubernetes' JSON. Secrets stay in memory.
type Bundle struct {
	Pod          json.RawMessage            // v1.Pod
	ConfigMaps   map[string]json.RawMessage // v1.ConfigMap by name, those the pod names and that exist
	Secrets      map[string]json.RawMessage // v1.Secret by name
	ServiceEnv   map[string]string          // FOO_SERVICE_HOST...
	Token        string                     // service account token; empty: not wanted
	TokenExpires int64                      // Unix seconds
	CA           string                     // PEM, the cell's
	Missing      []string                   // what the pod names and does not exist: configmaps/x, secrets/y
	PullSecrets  []string                   // names in Secrets of type dockerconfigjson
}

// Report is one thing that happened to a pod on its node.
type Report struct {
	Type      events.Type // one of the node's types in events' catalogue
	Namespace string
	Name      string
	UID       string
	Facts     events.Report
	Cause     []events.Offset
	Status    json.RawMessage `json:",omitempty"` // v1.PodStatus as of this report: the whole of it
	Base      events.Offset   // last mark seen
	ID        string          // UUIDv7, 36 characters; a resend has the same
}

// ReportAnswer is the fold's outcome.
type ReportAnswer struct {
	Offset   events.Offset
	Accepted bool
	Code     string // fold.Code's name: fenced, not found, ...
	Reason   string
}
