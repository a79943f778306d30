// Command cairn-shim looks after the processes of one pod, so that they and
// their logs go on while the node daemon is away.
//
// It is a subreaper: `runc create`, run by the shim, leaves the container's
// first process behind as the shim's child, so the shim can wait for it. It
// writes what the process says to a CRI log file, holds its terminal or its
// standard input, and writes how it ended to exit.json in the bundle, by
// rename, before anyone hears of it.
//
// In: requests on the unix socket shim.sock in its directory (package protocol).
// Out: replies there; exit files; log files; its own complaints in shim.log.
//
// Promises: a process's exit file is complete or absent; it is written after
// the last of its output (or two seconds after the end, where a stray process
// holds the pipe). A shim that is killed loses the exit codes: whoever finds a
// dead container without exit file records that the code is unknown. A
// deadline on the boot clock, where set and not renewed, kills every process.
//
// Goroutines: one per connection, one or two copying each container's output,
// one waiting for each process. All end with the process or the connection.
//
// Standard library and x/sys only: it is a process per pod and must stay small.
//
// Read first: TestAPodGoesOnWithoutItsDaemon of nodes/daemon.
package main
