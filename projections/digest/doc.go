// Package digest turns the fold's results into the two hashes by which
// replicas, replays and snapshots are compared.
//
// In: fold.Results in order. Out: a view.Position after each.
//
// The chain is a hash over outcomes and changes in the ledger's order: two
// replicas that differ, differ from the first differing record on, so halving
// finds it. The state digest is an order-free set hash (LtHash: Bellare and
// Micciancio, EUROCRYPT 1997; Lewi et al., ePrint 2019/227) over live objects:
// adding and removing one object costs the same however many live, and a
// snapshot can be checked without the ledger before it.
//
// Both cover the fold's output (refs, uids, revisions, facts, projected fields
// and the opaque parts), never a rendered object. Events are in the chain, as
// they are changes, but not in the state digest: they are told, not kept.
//
// Promises: equal results give equal digests, however they are cut into
// batches. The bytes hashed are frozen (golden_test.go).
//
// Pure: no goroutine, no I/O. One goroutine at a time owns a Digest.
//
// Read first: digest.go, then golden_test.go.
package digest
