// Package tally records what was refused before it became a record of its own,
// reads of the past, and reads of logs: in full once, then counted per actor,
// verb, resource, status and minute, so that a client that knocks in a loop does
// not fill the ledger. A few objects are told apart in each count, so that an
// object's story tells what was tried on it; the rest are counted together.
//
// In: notes of requests. Out: records of types request.refused, past.read and
// session.opened.
//
// Promises: the first note of a minute is appended with count 1 at once; the
// rest of that minute is appended as one record with their number when the
// minute is over, or when the tally ends. Appending never delays the request.
//
// One goroutine, started by New, ends with its context.
package tally
