// Package follower tails a ledger through the fold into a view, and writes:
// append, wait until the own view has folded that offset, return the outcome.
//
// In: a ledger.Ledger, a store. Out: view.Reads, results in order, outcomes.
//
// Stages, each fed by a channel: fetch and check the order | decode and hash
// the bytes | fold | encode and digest | batch and commit. Each has one
// goroutine; a batch takes what has gathered, so a quiet cell commits record by
// record and one that catches up a thousand at once.
//
// Promises: results are handed to subscribers in ledger order, after they are
// readable in the view. A record that was sent more than once, or whose
// acknowledgement was lost, has one outcome: that of the copy folded first.
// Damage, a gap, a rolled-back ledger, a failing disk or a panic of the fold
// stops the follower; Err says why. A ledger that can't be reached does not:
// it is tried again, and Stats says so.
//
// A subscriber's queue is as long as it is behind; what is kept for those who
// subscribe late is bounded by records and bytes.
//
// Goroutines: Start begins them and Stop ends them; a subscriber's own ends
// with its context or the follower.
//
// Read first: contract.go, pipeline.go, write.go; then settle_test.go,
// crash_test.go, and linear_test.go: reads and writes through several followers
// over one ledger are linearizable.
package follower
