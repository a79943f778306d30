// Package budget bounds how many records one user may append, so that one
// client in a loop can't fill the ledger, or make others wait behind it.
//
// In: a user's name and the time. Out: nothing, or how long to wait. It is a
// token bucket per user (golang.org/x/time/rate): a sustained rate, and a burst
// that a quiet user has saved up.
//
// Promises: a user who stays below the rate never waits; what one user spends
// takes nothing from another; users who were quiet for long are forgotten, so
// that names alone take no memory.
//
// Who spends is the caller's to say: the server itself, reconcilers and nodes
// are not asked to, because their records follow from others' (storage/spend.go).
//
// No goroutines; a Budget may be used by many.
package budget
