package dns

import "net/netip"

// Record is what DNS knows of one service.
type Record struct {
	Namespace, Name string
	// VIP is the service's address; the zero value means a headless one, whose
	// Pods answer then.
	VIP netip.Addr
	// Pods are a headless service's ready endpoints.
	Pods  []Pod
	Ports []Port
	// External makes the service another name for a name elsewhere.
	External string
}

// Pod is an endpoint of a headless service.
type Pod struct {
	// Hostname is the pod's own name within the service; empty: one is made
	// from the address (10-88-1-2).
	Hostname string
	Addr     netip.Addr
}

// Port is a port of a service, for SRV; one without a name has no SRV record
// of its own.
type Port struct {
	Name     string
	Protocol uint8 // 6 TCP, 17 UDP
	Port     uint16
}
