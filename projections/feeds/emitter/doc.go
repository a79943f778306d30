// Package emitter writes the feeds, assignments and VIPs, to compacted topics,
// and keeps them right.
//
// In: the entries of a hub, and the topic's own records, read back. Out: records
// put to the topic: an entry per key, whole (a difference could outlive what it
// relates to), tombstones, and marks that say how far a partition has been
// verified. A record's value is its entry's bytes (events/feed).
//
// A feed is repaired, not trusted: any number of emitters write one topic, and
// one that was paused can append an older record last. So each emitter reads
// the topic back, and appends again any key whose last record is older than
// what its own view says. The naive way, one elected emitter, has the same
// late record when the one that lost its lease wakes up, and nobody to see it.
//
// Promises: a mark for an offset is put only after all that the view says up to
// there was put and read back; it has a key of its own (MarkKey), and an emitter
// that is behind takes back no other's. Records carry the ledger offset they derive
// from, tombstones too: a consumer drops what is older than what it has. A key
// that is gone leaves the topic: some 16,000 records later its tombstone is
// replaced by Kafka's own, so a topic holds what lives.
//
// Memory grows with what lives. While a topic is away only keys wait, in the hub.
//
// Goroutines: Assignments and VIPs run on their caller's and end one per
// partition, which read the topic, and one that follows the hub. Table is pure.
//
// Read first: testdata/an-older-record-appended-last-is-repaired.
package emitter
