// Package history answers questions about the past of a cell: which records
// there were, which moment WHEN means, why an object is as it is, and how far
// ledger and view have come.
//
// In: a view.Reads, and the ledger's own records for what a view does not
// keep (actor, cause, reason, facts). Out: entries, moments, stories and a
// status, as values that travel as JSON under /cairn/v1, and a http.Handler
// that serves them to whoever the API server has let in.
//
// A story is the chain of causes from a record back to the person who started
// it, then what happened to the object since, then why it is as it is now; each
// step is one plain sentence and names its record. Building one is pure but for
// the fetches of the records it tells of.
//
// Promises: what is told is read from the ledger, never guessed; a refused
// record is told with the reason of its refusal; a Secret's value is never
// shown, because no body is ever read. Answers are as of the view's position.
//
// The handler starts no goroutine; a followed stream lives as long as its request.
//
// Read first: sentence.go, then testdata/a-pod-told-back-to-the-person.
package history
