// Package crilog writes and reads container logs in the format of the
// Kubernetes container runtime interface: one line of text per line of output,
//
//	2026-01-02T15:04:05.000000006Z stdout F the line
//
// with P instead of F where the line goes on in the next record.
//
// In: bytes of stdout and stderr as they come. Out: whole records, each
// written by one write call, so that a reader that follows the file sees
// either a record or the start of one, never two mixed.
//
// Promises: a record carries at most 16 KiB of content; the order of a stream
// is kept; the two streams share one file and one lock. What the process wrote
// without a final newline is written as a partial record when its stream ends.
// A file that reaches its limit is put aside between two records; the oldest go.
//
// Goroutines: none of its own. A Writer may be used from several goroutines; a
// Reader (Tail) belongs to its caller.
//
// Standard library only: the shim links this package and must stay small.
//
// Read first: TestALineThatNeverEndsIsCutInPartialRecords.
package crilog
