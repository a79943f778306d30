// Package store keeps a cell's view on disk: every live object, every version
// there ever was, Events, and what became of each record. It implements
// view.Reads, view.Causality and view.Chains, and gives snapshots.
//
// In: batches of fold results with their digests. Out: reads at any revision.
//
// It is Pebble without a write-ahead log: the ledger is the log. Offset,
// digests and the fold's own rows sit in the same batch as the changes, so
// after a crash the store is whole, as of some earlier record, and the
// follower folds on from there. Nothing here can't be rebuilt: a store that is
// damaged, foreign or of another format is refused, and may be removed.
//
// Key spaces (keys.go): now (of a live object the head, and what fold and
// digest need of it), versions (key, revision: a head with the columns that
// changed then; heads name the revision of each column), changes (kind,
// revision), manifests (what may have lived, manifest.go), records, causes,
// state (the fold's rows, now and at snapshots, state.go), Events by time
// (events.go, endings.go), meta.
//
// Promises: a batch is seen whole or not at all; versions are never rewritten,
// so a read of the past needs no lock; objects returned are shared and never
// changed. Commit is for one goroutine; all reads may run at once. The only
// goroutines are Pebble's; a failure of theirs is fatal (Options.Fatal), as
// they would else hold up writes without a word.
//
// What grows with what: a commit costs what it changes; the end of a namespace
// costs one row however many Events it has. A page of a list costs what is on
// it, in the past up to twice that, and holds nothing else. Opening reads one
// row; Current().Resume what lives and the last W records' rows. In memory are
// caches of a fixed size, and a row for each kind.
//
// Read first: keys.go, commit.go, list.go; then model_test.go.
package store
