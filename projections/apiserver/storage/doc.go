// Package storage is Kubernetes' storage.Interface over the ledger and a view:
// writes append a record and wait until the own view has folded it; reads and
// watches come from the view.
//
// In: objects from upstream's registries, a follower.Cell, the kinds, a key
// ring. Out: records named from kind and difference; objects rendered from
// their stored columns with the projected fields laid over them.
//
// Promises:
//   - an answer that appends nothing is linearizable: it comes from a view at or
//     past a read point taken after the call began, unless resourceVersion=0;
//   - an answer to a write is read from the view at the record's revision;
//   - a no-op update appends nothing; a refusal by the fold maps once to an
//     HTTP status (refusals.go); an update that lost a race is tried again;
//   - a watch resumes from any revision of this incarnation, in order, once each;
//   - bodies of sealed kinds never leave here unencrypted.
//
// Goroutines: New starts one subscription and one dispatcher per kind that has
// watchers; each watch has one. All end with the context given to New or their own.
//
// Read first: engine.go, write.go, then watch.go.
package storage
