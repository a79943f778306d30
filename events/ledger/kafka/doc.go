// Package kafka is the ledger on Apache Kafka: one topic of one partition, kept
// for ever. Beside it is Compacted, the client of the topics that nodes follow.
//
// In and out: as package ledger says; records are values without key, one
// record batch per group commit, one produce request in flight. Ledger time is
// the broker's append time, in milliseconds.
//
// Promises: acks=all, and with three replicas two must have it; an append whose
// answer is missing or unclear is ledger.ErrUnknown, while one that certainly
// never left this process is ErrUnreachable; every batch fetched passes its
// checksum and begins exactly where the one before ended, otherwise *Damage; a
// ledger that begins after, or ends before, what its reader wants is *Damage
// too; settings that would lose or rewrite records are refused at Open with the
// command that mends them. Kafka acknowledges before it syncs: against loss of
// power of all replicas at once only their number helps.
//
// What kafka-go is used for: connections, metadata, routing to the leader,
// admin requests. Produce and fetch are written here (wire.go): its Writer may
// deliver after it gave up, its Reader jumps over lost records, its Client hides
// the batch's append time, and nothing of it tells whether a request was sent.
//
// One goroutine, the committer, belongs to an open Log and ends with Close;
// kafka-go keeps one per connection.
//
// Read first: append.go, then trap_test.go, where each trap has its test.
package kafka
