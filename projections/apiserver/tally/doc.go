// Package tally records what was refused before it became a record of its own,
// and reads of the past: in full once, then counted per actor, verb, resource,
// status and minute, so that a client that knocks in a loop does not fill the
// ledger.
//
// In: notes of requests. Out: records of types request.refused and past.read.
//
// Promises: the first note of a minute is appended with count 1 at once; the
// rest of that minute is appended as one record with their number when the
// minute is over, or when the tally ends. Appending never delays the request.
//
// One goroutine, started by New, ends with its context.
package tally
