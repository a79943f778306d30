// Package wire writes and reads messages in protobuf's wire format
// (protobuf.dev/programming-guides/encoding), by hand and canonically: a
// message lists its fields once, in ascending order, and that list both writes
// and reads.
//
// In: messages. Out: their only bytes. What Decode accepts, Encode writes back
// to the letter: fields ascend, varints are minimal, defaults are left out, no
// field is unknown. Everything stored for ever goes through here: records,
// facts, projected fields, digests.
//
// Pure. Read first: the example of use in events/event.go, method Fields.
package wire
