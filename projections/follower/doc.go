// Package follower tails a ledger through the fold into a view, and writes:
// append, wait until the own view has folded that offset, return the outcome.
//
// In: a ledger.Ledger, a store. Out: view.Reads, results in order, outcomes.
//
// Stages, each fed by a channel: fetch and checksum | decode | fold (one
// goroutine) | hash | batch and commit. Only the fold is serial.
//
// Promises: results are handed to subscribers in ledger order, after they are
// readable in the view. Damage, a gap, a rolled-back ledger or an activation
// above what this binary knows stops the follower; Err says why.
package follower
