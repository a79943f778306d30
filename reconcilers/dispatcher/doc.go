// Package dispatcher writes the feeds, assignments and VIPs, to compacted
// topics, and keeps them right.
//
// In: entries derived from a view (package feeds), and the topic's own records,
// read back. Out: messages put to the topic: an entry per key, tombstones, and
// marks that say how far a partition has been verified.
//
// A feed is repaired, not trusted: any number of emitters write one topic, and
// one that was paused can append an older record last. So each emitter reads
// the topic back, and appends again any key whose last record is older than
// what its own view says.
//
// Promises: a mark for an offset is put only after all that the view says up to
// there was put and read back. Messages carry the ledger offset they derive
// from, tombstones too: a consumer drops what is older than what it has.
//
// Goroutines: Emit runs on its caller's and ends one per partition, which read
// the topic. Table is pure.
//
// Read first: testdata/an-older-record-appended-last-is-repaired.
package dispatcher
