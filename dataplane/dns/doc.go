// Package dns answers for the cell's services on each node, and asks the
// machine's resolvers for everything else.
//
// In: Records, one per service, made into an immutable Snapshot that is
// swapped whole; queries over UDP and TCP. Out: answers after the Kubernetes
// DNS specification (version 1.1.0), for the zone cluster.local:
//
//	SERVICE.NAMESPACE.svc.ZONE            A: the VIP, or a headless one's ready pods
//	HOST.SERVICE.NAMESPACE.svc.ZONE       A: one pod of a headless service
//	_PORT._PROTO.SERVICE.NAMESPACE.svc.ZONE  SRV
//	A-B-C-D.NAMESPACE.pod.ZONE            A: that address
//	an ExternalName service               CNAME, and what it leads to
//	VIPs and named pods backwards         PTR
//
// AAAA of a name that exists is an empty answer; a name that does not is
// NXDOMAIN; both carry the zone's SOA, so that resolvers may remember it. A
// namespace with a service exists (empty answer), which search paths rely on.
//
// How pods reach it: the node daemon puts the cluster DNS address (the tenth
// of the service range, by convention) on podnet's portless bridge as a
// LocalAddr and listens there, so each node answers its own pods, no packet
// leaves the machine for a name, and no rule is needed: package ruleset lets
// packets to local addresses alone. Where the cell also has a Service with
// that VIP, this server answers instead of it.
//
// Promises: an answer comes from one snapshot; a snapshot holds from the next
// query on. Forwarding gives up after about two seconds with SERVFAIL; an
// upstream that is this server itself is left out. Nothing is cached.
//
// The Server owns a goroutine per listener; Close ends them and waits.
//
// Read first: testdata/names-of-services, then snapshot.go.
package dns
