package feed

import (
	"encoding/json"

	"cairn/events"
)

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
}

// Heartbeat says that the daemon lives; it is no record.
type Heartbeat struct {
	Registration events.Offset
	Verified     events.Offset // the last mark it has acted on
}

// HeartbeatAnswer tells a node whether its registration is still the last one.
type HeartbeatAnswer struct{ Current bool }

// Bundle is a pod as of the revision asked for, and all else that it takes to
// run it as of AsOf, the newest that the server had: volumes follow their
// objects, and what a pod waits for may be made after it. Objects are
// Kubernetes' JSON. Secrets stay in memory.
type Bundle struct {
	AsOf         events.Revision            // of config maps, secrets and services
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
