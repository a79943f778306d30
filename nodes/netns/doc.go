// Package netns dials from inside a pod's network namespace, named by its
// pause process: for probes, hooks and port-forward, which must reach a
// program whatever address it listens on and whatever state routes are in.
//
// In: a pid (0: the daemon's own namespace) and an address with a literal IP.
// Out: a connection, usable from anywhere: a socket keeps the namespace it was
// made in.
//
// Goroutines: each Dial runs on a thread locked for the time of the call. A
// thread that cannot be brought back is thrown away.
//
// Read first: TestDialReachesAListenerThatOnlyTheNamespaceSees.
package netns
