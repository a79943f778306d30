// Package kafka is the ledger on Apache Kafka: one topic of one partition, kept
// for ever. Beside it is Compacted, the client of the topics that nodes follow.
//
// In and out: as package ledger says; records are values without key, one
// record batch per group commit, one produce request in flight. Ledger time is
// the broker's append time, in milliseconds.
//
// Promises: acks=all, and with three replicas two must have it; with fewer the
// broker syncs each batch before it acknowledges (flush.messages=1), since it
// may be the only one that has it. An append is ledger.ErrUnknown unless its
// acknowledgement came or it is proved that nothing was appended (outcome.go).
// Every batch fetched passes its checksum and begins exactly where the one
// before ended, otherwise *Damage; a ledger that begins after, or ends before,
// what its reader wants is *Damage too; settings that would lose or rewrite
// records are refused at Open with the command that sets them right. Three
// replicas acknowledge before they sync: against loss of power of two at once
// only their separation helps.
//
// What waits to be appended is bounded by bytes and by count (package group),
// an answer of a broker by what was asked for and one batch.
//
// What kafka-go is used for: connections, metadata, routing to the leader,
// admin requests. Produce and fetch are written here (wire.go): its Writer may
// deliver after it gave up, its Reader jumps over lost records, its Client hides
// the batch's append time, and nothing of it says whether a request was sent.
//
// One goroutine, the committer, belongs to an open Log and ends with Close;
// kafka-go keeps one per connection.
//
// Read first: append.go and outcome.go, then trap_test.go, where each trap has
// its test.
package kafka
