// Package follower tails a ledger through the fold into a view, and writes:
// append, wait until the own view has folded that offset, return the outcome.
//
// In: a ledger.Ledger, a store. Out: view.Reads, results in order, outcomes.
//
// Stages, each fed by a channel: fetch and check the order | decode and hash
// the bytes | fold | encode | digest | batch and commit. Each has one goroutine;
// a batch takes what has gathered, so a quiet cell commits record by record and
// one that catches up a thousand at once. All that waits between them is
// bounded by bytes, and keeps nothing of the fetched bytes alive.
//
// Promises: results are handed to subscribers in ledger order, after they are
// readable in the view. A record that was sent more than once, or whose
// acknowledgement was lost, has one outcome: that of the copy folded first.
// Damage, a gap, a rolled-back ledger, a failing disk or a panic of the fold
// stops the follower; Err says why. A ledger that can't be reached does not:
// it is tried again, and Stats says so.
//
// Subscribers share what is kept of the last results (Options.KeepBytes): one
// that falls back behind it is ended with ErrBehind and starts anew, and never
// holds up anybody. An activation of a gate above events.Newest stops the
// follower once it is committed.
//
// Replay folds beside any view, from the first record or from a snapshot;
// FirstDifference finds where two views part.
//
// Goroutines: Start begins them and Stop ends them. Subscribe calls on its
// caller's.
//
// Read first: contract.go, pipeline.go, write.go; then settle_test.go,
// crash_test.go, and linear_test.go: reads and writes through several followers
// over one ledger are linearizable.
package follower
