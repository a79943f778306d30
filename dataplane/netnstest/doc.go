// Package netnstest gives tests network namespaces: machines and pods between
// which real packets travel.
//
// In: a testing.M to run inside a namespace of its own (Main), and what a test
// wants to have: Spaces, cables between them, servers, questions. Out: what
// came back. Only tests import it.
//
// Main starts the test binary again in a new network namespace, which plays
// the machine: routes, sysctls and nftables tables that a test makes are never
// the real machine's, and two runs at once do not meet. Goroutines may run
// anywhere in that process. A Space is one more namespace, entered by Do on a
// thread of its own.
//
// Promises: everything vanishes with the process, also after a crash; nothing
// sleeps for luck: Wait asks until the answer is right or time is up.
//
// Servers run in goroutines that end when the test does.
//
// Read first: Main and Space.Do in space.go.
package netnstest
