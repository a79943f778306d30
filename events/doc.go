// Package events is the vocabulary of a cell's ledger: what a record is, what
// it may say, and how it is written in bytes.
//
// In: values made by writers (API servers, reconcilers, node daemons).
// Out: frames, the bytes that a ledger stores; and events read back from them.
//
// A record is a frame (magic, format, length, checksum) around an envelope
// (id, type, subject, base, actor, cause, claimed time, preconditions), around
// facts (all that the fold may read) and parts (the object's opaque bodies).
//
// Promises: encoding is canonical (ascending fields, defaults left out, no
// maps), so equal values have equal bytes, and bytes that are not canonical
// are malformed. Formats are numbered and append-only: golden bytes in
// testdata are folded for ever. Every type and field belongs to a gate
// (gate.go). Nothing here reads a clock or randomness: writers pass them in.
//
// Pure: no goroutine, no I/O, no Kubernetes type.
//
// Read first: event.go, then facts.go, then gate.go.
package events
