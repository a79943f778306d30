// Package worldtest is the one world that tests play in: a whole cell in one
// process, of the real parts. A ledger in memory, the real fold, follower and
// view (its store in memory), the real API server with Kubernetes' registries,
// the real engine and reconcilers; and node daemons over nodes/runtimetest.
//
// In: scenario files (cockroachdb/datadriven), reconcilers, or a test's own
// steps. Out: the plans that are made, and what the API shows afterwards.
//
// Time is the test's: In runs a world in a testing/synctest bubble, so that
// every clock in it, Kubernetes' too, is virtual, begins at Start, and moves when
// all is at rest. Settled says that the pipeline has nothing under way, so a test
// steps it: write, fold, look. Randomness comes from a seed. Network connections
// are buffers in memory, with real TLS and HTTP/2 on them.
//
// A scenario's commands are listed in play.go. What a text shows has uids,
// generated names, offsets and revisions told in a form that does not depend on
// how often something was drawn before: offsets count from the scenario's start.
//
// Promises: the same scenario gives the same text, on any machine. Worlds that
// run a whole engine or daemons (Run) give the same end, not the same order.
//
// Goroutines: those of the parts; a World's Close ends them all.
//
// Read first: world.go, play.go; then any file in reconcilers/*/testdata.
package worldtest
