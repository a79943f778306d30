// Package runtimetest is a machine and its network in memory, for real node
// daemons without root, namespaces or files: thousands of them in one process.
//
// In: a clock, and how containers behave (Behaviour). Out: a runtime.Runtime,
// and a Network that keeps which sandbox has which address.
//
// Promises: what a daemon asked for is there for the next daemon on the same
// Machine, as on a real one: processes go on and notes are kept. Reboot and
// LoseShim are what a machine does to them. Time passes on the clock alone; each
// effect takes its own, always the same, so runs can be repeated.
//
// It keeps to the contract of nodes/runtime, and to what the daemon could rely
// on without being promised it: a run is started once, in a sandbox that is
// there.
//
// Goroutines: none of its own. All may be used from several.
//
// Read first: machine.go, then daemon's
// TestTwoHundredNodesInOneProcessRunAndEndAPodEach.
package runtimetest
