// Package dataplane is what a node daemon needs of the network: pods attached
// and routed, services answered at their addresses and node ports, names
// resolved, and all of it put back within seconds if somebody breaks it.
//
// In: a Config; SetServices and SetPeers with the whole wanted state, as often
// as it changes; Attach and Detach for each pod. Out: kernel state in the
// network namespace of the calling process (so a daemon started in a namespace
// of its own is a machine of its own), and OnRepair for each thing that was
// found broken, for the ledger.
//
// The parts, each usable alone:
//
//	ruleset   services to rules, maps and elements, as a value
//	trace     imaginary packets through such a value
//	nft       that value to the kernel, in one transaction
//	podnet    links and routes; nothing leaves by the default route
//	dns       names of services, on each node
//	rulesettest, netnstest   the words of tests, and where they run
//
// Promises: after a call returns nil, the kernel does what it says. A daemon
// that starts again takes over what its predecessor left: links, routes and
// the table go on working, and the first SetServices brings them up to date
// without losing a connection. Stop(false) leaves everything so; Stop(true) and
// Purge leave nothing.
//
// Not here yet: IPv6, SCTP, externalTrafficPolicy Local, network policies. Node
// ports answer on 127.0.0.1 only where Config.Loopback asks for it.
//
// Dataplane owns two kinds of goroutine: the repair loop and the DNS
// listeners; Stop ends both and waits. OnRepair is called from the loop.
//
// Read first: dataplane.go, then TestWhatIsBrokenIsRepairedWithinSeconds.
package dataplane
