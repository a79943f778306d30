package daemon

import (
	"context"
	"iter"
	"net/netip"

	"cairn/events"
	"cairn/events/feed"
)

// Server is what a daemon asks of a server of its cell. Client is the one over
// HTTP; tests have one in memory.
type Server interface {
	Register(ctx context.Context, n feed.NodeInfo) (feed.Registration, error)
	Heartbeat(ctx context.Context, h feed.Heartbeat) (feed.HeartbeatAnswer, error)
	// Assignments gives every current entry, a mark, then what changes, until
	// ctx ends or the connection is lost (an error, once). The list is not older
	// than from, the last mark seen.
	Assignments(ctx context.Context, from events.Offset) iter.Seq2[feed.AssignmentEntry, error]
	// VIPs gives services, what serves them, and nodes: what changed after the
	// mark from, or everything.
	VIPs(ctx context.Context, from events.Offset) iter.Seq2[feed.VIPEntry, error]
	// Pod gives a pod placed on this node with all it needs, as of a revision.
	Pod(ctx context.Context, namespace, name, uid string, rev events.Revision) (*feed.Bundle, error)
	// Report is answered when the fold has decided; sent again with the same
	// ID it gives the same answer.
	Report(ctx context.Context, r feed.Report) (feed.ReportAnswer, error)
}

// Network is what a daemon needs of the data plane. Every call may be repeated.
type Network interface {
	// Configure says what the node must know of the cell; it comes first, and
	// again at each registration.
	Configure(ctx context.Context, r feed.Registration) error
	// Attach gives the network namespace at path (/proc/PID/ns/net) an address.
	Attach(ctx context.Context, path string, addr netip.Addr) error
	// Detach takes the address back; the namespace may be gone.
	Detach(ctx context.Context, addr netip.Addr) error
	// SetPeers gives all other nodes of the cell.
	SetPeers(ctx context.Context, peers []feed.Peer) error
	// SetServices gives all services of the cell, ordered by namespace and name;
	// one that is as it was is the same pointer.
	SetServices(ctx context.Context, all []*feed.VIP) error
}
