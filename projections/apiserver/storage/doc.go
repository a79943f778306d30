// Package storage is Kubernetes' storage.Interface over the ledger and a view:
// writes append a record and wait until the own view has folded it; reads and
// watches come from the view.
//
// In: objects from upstream's registries, a follower.Cell, a registry of kinds,
// a cipher. Out: records named from kind and difference; objects rendered from
// their stored columns with the fold's fields.
//
// Promises:
//   - an answer that appends nothing is linearizable: it comes from a view at or
//     past a read point taken after the call began, unless resourceVersion=0;
//   - an answer to a write is read from the view at the record's revision;
//   - a no-op update appends nothing, except that it encrypts anew what an old
//     key encrypted; a refusal by the fold maps once to an HTTP status
//     (refusals.go); a write that lost a race is tried again;
//   - a watch resumes from any revision of this incarnation, in order, once
//     each; what can't be shown ends it with an error, and so does a client that
//     takes nothing for a minute;
//   - bodies of encrypted kinds never leave here unencrypted;
//   - Kubernetes' own suite for storages passes (upstream_test.go), except for
//     what upstream_exceptions_test.go names, each with its reason.
//
// What is kept is bounded by bytes: decoded objects (cache.go), and per kind
// with watchers a ring of changes (hub.go) and what they share (shares.go). A
// page of a list costs what is on it.
//
// Goroutines: New starts one subscription; a kind with watchers has one
// dispatcher, each watch one. All end with the context given to New, or their
// own; Wait waits for them.
//
// Read first: engine.go, update.go, then watch.go.
package storage
