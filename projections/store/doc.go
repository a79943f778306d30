// Package store keeps a cell's view on disk: every live object, every version
// there ever was, and what became of each record. It implements view.Reads.
//
// In: batches of fold results with their digests. Out: reads at any revision.
//
// It is Pebble without a write-ahead log: the ledger is the log. Offset,
// digests and the fold's own rows sit in the same batch as the changes, so
// after a crash the store is whole, as of some earlier record, and the
// follower folds on from there. Nothing here can't be rebuilt: a store that is
// damaged, foreign or of another format is refused, and may be removed.
//
// Key spaces (keys.go): now (a head per live object), versions (key, revision:
// a head with the columns that changed then; heads name the revision of each
// column), changes (kind, revision), manifests (what lived, per kind, so that
// an old list costs what lived then), records, touch, state (the fold's), meta.
//
// Promises: a batch is seen whole or not at all; versions are never rewritten,
// so a read of the past needs no lock; objects returned are shared and never
// changed. Commit is for one goroutine; all reads may run at once. The only
// goroutines are Pebble's; a failure of theirs is fatal (Options.Fatal), as
// they would else hold up writes without a word.
//
// Read first: keys.go, commit.go, then list.go.
package store
