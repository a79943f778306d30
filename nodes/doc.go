// Package nodes holds what runs on each machine of a cell: it turns the
// assignments a node was given into processes, and says what became of them.
//
// The parts, from the kernel upwards:
//
//	crilog      the format of a container's log file, written and read
//	shim        one small process per pod that outlives the daemon, and pause
//	cgroups     limits for pods and containers in hierarchy v1, v2 and hybrid
//	images      content store, layers, overlay root file systems, pulls
//	volumes     what a pod mounts; secrets live in memory only
//	downward    what a pod may know of itself
//	sandbox     from a pod to an OCI runtime spec
//	oci, netns  asking runc; dialling from inside a pod
//	host        all of these, as a machine
//	runtime     what a daemon asks of a machine
//	lifecycle   what to do next for a pod, as a pure function
//	probes      readiness, liveness and startup checks
//	streaming   exec, attach, logs and port-forward over HTTP
//	daemon      the loop over all of it, against a server
//
// For tests: guardtest (nothing stays behind), runtimetest (a machine in
// memory), servertest (a server in memory), clocktest (virtual time).
//
// Imports: nodes reads events and projections/view only; it never imports the
// API server, the reconcilers or the data plane. The daemon declares the small
// interfaces it needs from those, and tools/cairn joins them.
//
// Read first: lifecycle/testdata/restart-backs-off, then daemon's doc.go.
package nodes
