// Package host is a real machine as nodes/runtime describes one: sandboxes
// under a shim each, containers by runc over overlay mounts, volumes, cgroups.
//
// In: a Config. Out: a Runtime, for one daemon; its image store.
//
// Promises, beside those of the contract: containers go on when the process
// ends, however it ends. Secrets are kept in memory (RunDir on a tmpfs) only.
// Nothing of another cell on the machine is touched.
//
// Where things lie, for a pod of uid U and the n-th run of container C:
//
//	RunDir/pods/U/            shim's socket and log, hosts, resolv.conf, volumes
//	RunDir/pods/U/c/C-n/      the bundle: config.json, exit.json
//	DataDir/pods/U/pod.json   the daemon's notes
//	DataDir/pods/U/           emptyDir volumes, the containers' written files
//	DataDir/logs/NS_POD_U/C/n.log, and n.log.1 .. n.log.4, which it grew out of
//
// Needs root, runc, and a DataDir that does not lie on an overlay.
//
// Goroutines: none that outlive a call, but for those that copy the input of an
// attached stream and those that reap shims.
//
// Read first: nodes/runtime, host.go, then daemon's
// TestAPodGoesOnWithoutItsDaemon.
package host
