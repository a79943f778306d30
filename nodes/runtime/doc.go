// Package runtime is what a node daemon asks of its machine: sandboxes,
// containers, the streams of a running container, and a place for its notes.
//
// In: pods with what they name (Objects), runs of containers (Run). Out: what
// happened, as values of nodes/lifecycle. What the machine does not do fails
// with a *Failure, which carries the reason that Kubernetes has for it.
//
// Two implementations: nodes/host, of a real machine (runc, overlay mounts,
// cgroups), and nodes/runtimetest, in memory. The daemon is the same over both.
//
// Promises that an implementation gives: every effect may be asked for again;
// what was begun for a pod can be found by its ID alone, also by another
// process; End and Clean of what is not there succeed. Errors after the daemon
// itself ended (its context is done) mean nothing.
//
// A Pod is asked from several goroutines at once, but Start, Clean and Wait of
// one Run from one at a time.
//
// Goroutines: none here. Pure values and interfaces.
//
// Read first: Pod, then nodes/runtimetest.
package runtime
