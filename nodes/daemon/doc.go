// Package daemon makes a node do what it was assigned, and reports what became
// of it.
//
// In: a Server (registration, the node's assignments and VIPs, pods with what
// they need), a runtime.Runtime (the machine), and its news: exits, probes. Out:
// calls of both, and of a Network (the data plane's, joined by tools/cairn); and
// a report for each thing that happened, naming the feed offset it acted on.
//
// Promises:
//   - Containers go on when the daemon ends, however it ends. A new one goes on
//     from the machine's notes.
//   - Nothing is started before a mark that is not older than this daemon's
//     registration was read; of two entries of a key the newer offset wins.
//   - sandbox.removed is reported after the last of the sandbox is gone
//     (processes, mounts, cgroups, address), until a server has taken it in. A
//     pod whose containers have ended for good reports it after its final
//     status; its logs stay until it is deleted, and it is never run again.
//   - What a daemon finds dead when it starts is reported before anything else.
//   - The end of the cell (Shutdown) is no crash: hooks and grace periods are
//     given, codes are known, and the next daemon starts all of it at once.
//   - Config maps and secrets in volumes follow their objects within a minute.
//   - A pod that is here and not among the assignments is stopped and removed.
//   - Reports of one pod arrive in order; each is sent again, the same bytes,
//     until answered. A pod's outbox holds 200.
//
// In simulation: a real daemon over nodes/runtimetest and nodes/clocktest needs
// no root, file or network. In a testing/synctest bubble, step the clock from
// timer to timer and call synctest.Wait between: all that a timer set off is
// over then. Seed decides ids and jitter, for each pod apart; what several pods
// or nodes report at one moment comes in any order, so a simulation orders it by
// node and pod before it hands it on. A node is five goroutines, a pod two and
// one for each process, with a timer each: about 70 KB with one pod.
//
// Goroutines: Run owns them all. One follows each stream, one beats, and each
// pod has a worker, the only one to touch its lifecycle.Machine; what takes
// time (pulling, starting, hooks, waiting) runs beside it and posts its outcome
// to the worker's inbox. Client, over HTTP, is the only one to know real time.
//
// Read first: worker.go, then TestAPodGoesOnWithoutItsDaemon.
package daemon
