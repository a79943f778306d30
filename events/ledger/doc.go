// Package ledger is the contract of a cell's one source of truth: an
// append-only sequence of opaque records with contiguous offsets from 0.
//
// In: frames of package events, as bytes. Out: the same bytes, with the offset
// and the time at which the driver stored them. A driver never looks inside a
// record; whether it is accepted is the fold's affair.
//
// Promises, of every driver:
//   - order: one total order, the same for every reader at any time;
//   - durability: an acknowledged record survives the driver's crash (Kafka:
//     the crash of any process; of machines as many as replicas allow);
//   - wholeness: the records of one Append lie next to each other, all or none;
//   - honesty: an unclear outcome is ErrUnknown, never an error that sounds
//     like "no"; damage is reported as *Damage and never skipped;
//   - staleness: Fetch may lag behind other writers, ReadPoint does not.
//
// Every queue and buffer is bounded by bytes as well as by count: 64 MiB and
// 65,536 records wait for a driver's committer, whose callers then wait for
// room (package group); a group is at most 4 MiB, an Append MaxAppendBytes, a
// Fetch about what it was asked for. Readers queue nothing: each call reads for
// itself, and calls for a read point share one. Only memory's records grow.
//
// What you may NOT conclude: that a record which you appended was accepted
// (wait for the fold), or that ErrUnknown will ever turn into a yes (the fold's
// window turns it into a definite no).
//
// Drivers: memory (tests, simulation), embedded (segment files of one machine),
// kafka. All pass one suite, ledgertest.Run. Package group is the group commit
// that embedded and kafka share. This package itself is pure.
//
// Read first: ledger.go, then ledgertest/suite.go.
package ledger
