// Package shim starts and talks to the small process that looks after a pod's
// containers, and carries its binaries (cairn-shim, cairn-pause) inside cairn.
//
// In: a pod's run directory, and which namespaces and containers it is to
// have. Out: pids, ends of processes, attached streams.
//
// Why a process per pod: containers must go on, keep their logs and keep their
// exit codes while the daemon is away or replaced. It has a session and cgroup
// of its own, so neither a terminal nor a service manager that ends the daemon
// ends it. Why a binary of its own: as a subcommand of cairn, which links
// Kubernetes, each would cost 60 ms and 65 MB; this one costs 3 ms and 3 MB.
//
// Promises: Start returns once the shim listens. Connect finds the shim of an
// earlier daemon. ErrGone means that no shim listens there: its processes may
// still run, and the codes of those that end are lost.
//
// Goroutines: Start leaves one behind that reaps the shim. A Client dials for
// each request and has no state; it may be used by several goroutines.
//
// Read first: cmd/cairn-shim/doc.go, then daemon's
// TestAPodGoesOnWithoutItsDaemon.
package shim
