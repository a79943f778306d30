// Package daemon makes a node do what it was assigned, and says what became of
// it.
//
// In: a Server (registration, the node's assignments and VIPs, pods with what
// they need), and the kernel's news: exits, probes. Out: sandboxes, containers
// and volumes; calls of a Network (the data plane's, joined by tools/cairn); and
// a report for each thing that happened, naming the feed offset it acted on.
//
// Promises:
//   - Containers go on when the daemon ends, however it ends: a pod's shim
//     looks after them. A new daemon adopts them from the state on disk.
//   - Nothing is started before a mark that is not older than this daemon's
//     registration was read; of two entries of a key the newer offset wins.
//   - sandbox.removed is reported after the last of the pod is gone (processes,
//     mounts, cgroups, address), and again after a crash until a server has
//     answered.
//   - What a daemon finds dead when it starts is told before anything else is.
//   - The end of the cell (Shutdown) is no crash: hooks and grace periods are
//     given, codes are known, and the next daemon starts all of it at once.
//   - Config maps and secrets in volumes follow their objects within a minute.
//   - A pod that is here and not among the assignments is stopped and removed.
//   - Reports of one pod arrive in order; each is sent again, the same bytes,
//     until answered. Secrets are kept in memory (RunDir on a tmpfs) only.
//
// Where things lie, for a pod of uid U and the n-th run of container C:
//
//	RunDir/pods/U/            shim's socket and log, hosts, resolv.conf, volumes
//	RunDir/pods/U/c/C-n/      the bundle: config.json, exit.json
//	DataDir/pods/U/pod.json   what a new daemon must know
//	DataDir/pods/U/           emptyDir volumes, the containers' written files
//	DataDir/logs/NS_POD_U/C/n.log, and n.log.1 .. n.log.4, which it grew out of
//
// Goroutines: Run owns them all. One follows each stream, one beats, and each
// pod has a worker, the only one to touch its lifecycle.Machine; what takes
// time (pulling, starting, hooks, waiting) runs beside it and posts its outcome
// to the worker's inbox.
//
// Read first: worker.go, then TestAPodGoesOnWithoutItsDaemon and
// TestACellThatEndedIsBackAtOnceHoweverOften.
package daemon
