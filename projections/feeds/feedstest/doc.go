// Package feedstest is what feeds are tested on: a real cell, and a large one
// made up for benchmarks.
//
// In: a test. Out: Cell, a ledger in memory with fold and view, and records as
// servers and nodes write them; Shelf, 5,000 nodes and a service of 5,000 pods
// as values, without a ledger.
//
// Promises: a Cell ends with its test. What a record changes is readable when
// the call that wrote it returns. A Shelf tells its one subscriber on the
// publisher's goroutine.
//
// Goroutines: a Cell's are its follower's; a Shelf has none.
//
// Read first: cell.go, then TestANodeFollowsItsPodsOnARealCell in feeds/hub.
package feedstest
