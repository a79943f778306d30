// Package group is the group commit of the ledger drivers: many callers queue
// their records, one committer takes them in groups.
//
// In: Do, from any number of goroutines. Out: Take, for the one committer, and
// Resolve on what it took.
//
// Promises: calls are taken in the order in which they came; a call is in one
// group, whole; a group closes by bytes as by count, and at least one call is in
// it; a call whose context ended before it was taken was never taken, so that
// "nothing appended" is certain; once taken, a call that can't wait any longer
// gets ErrUnknown. The queue is bounded by bytes and by count: callers wait for
// room. What is taken is at most one group more.
//
// It starts no goroutine: the committer is the driver's.
//
// Read first: group.go, then TestACallThatGaveUpInTheQueueIsNeverTaken in
// group_test.go.
package group
