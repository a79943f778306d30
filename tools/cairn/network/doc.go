// Package network joins a node daemon to the dataplane: what the daemon knows
// of services, peers and pods (events/feed) becomes what the dataplane takes.
//
// In: a registration, VIPs, peers, pods to attach. Out: calls of one
// dataplane.Dataplane, which is made at the first registration, since only
// then this node's share of the pod range is known.
//
// Promises: a registration that says the same again changes nothing. SCTP ports
// are left out: the dataplane has none. Services are the feed's, merged of
// headers and slices (feed.Table); each is converted once for as long as it
// stays the same.
//
// It starts no goroutine; the dataplane owns its own. Read first: convert.go.
package network
