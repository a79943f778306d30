// Command cairn is the whole product in one binary: a command per file.
//
// In: flags, a kubeconfig, DataDir and RunDir. Out: a running cell, answers on
// standard output, one line on what to do on standard error, an exit code.
//
//	up        the supervisor (package supervise); it starts `server` and `node`
//	server    hidden: ledger, view, API server and reconcilers in one process
//	node      hidden: node daemon and dataplane
//	down      ends a cell and removes whatever is left of it (package sweep)
//	kubectl   the real one, built in; --at looks at the past
//	events, why, status, replay, image, dataplane, version
//
// This package and those below it are where the parts meet: nothing imports
// them. Processes and what they own: a cell has one supervisor, holding the
// lock of DataDir; its server holds ledger and view; its node holds links,
// rules and sandboxes. Shims and containers belong to nobody and live on.
//
// Read first: up.go, then server.go and node.go.
package main
