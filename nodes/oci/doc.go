// Package oci asks runc for what a container that exists can be asked for: to
// start, to get a signal, to run another process, to be deleted. (Creating is
// the shim's: the process must be its child.)
//
// In: container ids and bundles. Out: runc's outcome; for Exec the exit code of
// the process.
//
// Promises: Delete and Kill of a container that is gone succeed. Exec's process
// ends when its context does. What Exec hands to runc by file lies in the
// bundle, which the caller keeps in memory: it holds the environment, and so
// secrets.
//
// Goroutines: Exec copies streams while it runs and leaves none behind.
//
// Read first: Exec.
package oci
