package ledger

import (
	"context"
	"errors"
	"fmt"

	"cairn/events"
)

// MaxRecordBytes is the largest record a ledger takes, frame included.
const MaxRecordBytes = 1536 << 10

// One Append takes at most this many bytes and records, so that a call fits in
// one Kafka batch (max.message.bytes 2 MiB) and stays whole: all of its records
// are there, next to each other, or none.
const (
	MaxAppendBytes   = 1920 << 10
	MaxAppendRecords = 4096
)

// Record is one entry of a ledger as its driver stored it.
type Record struct {
	Offset events.Offset
	Time   int64  // ledger time, Unix nanoseconds (Kafka: milliseconds precision), stamped by the driver at append
	Data   []byte // one frame (events.AppendFrame); the driver does not look inside
}

// Ledger is an append-only sequence of records with contiguous offsets from 0.
// All methods may be called by many goroutines at once.
type Ledger interface {
	// Append appends the records, in order and next to each other, and returns
	// the first one's offset once all are durable. Concurrent calls share a
	// group commit. An error that wraps ErrUnknown means that the records may
	// or may not be there, now or later, once or (where the caller resends)
	// more than once; with any other error none is. A record must not be
	// empty, and must not be changed before Append has returned; after
	// ErrUnknown, never.
	Append(ctx context.Context, records [][]byte) (events.Offset, error)

	// Fetch returns records from the offset `from` on, at least one and about
	// maxBytes at most; at the end it waits until there is one or ctx ends
	// (then it returns ctx's error). Offsets in the answer are contiguous.
	// Records past the end are missing ones: `from` beyond the end is a
	// *Damage, since whoever asks has seen the record before it.
	// A record that Fetch returned is durable, whoever appended it.
	Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]Record, error)

	// ReadPoint returns an end offset (one past the last record) such that
	// every record acknowledged before the call lies below it.
	ReadPoint(ctx context.Context) (events.Offset, error)

	// Close ends the driver; calls under way fail with ErrClosed.
	Close() error
}

var (
	// ErrUnknown: the record may or may not have been appended. Follow the
	// ledger past base+W, or resend the same bytes.
	ErrUnknown = errors.New("ledger: outcome unknown")
	// ErrTooLarge: a record is over MaxRecordBytes, or a call over
	// MaxAppendBytes or MaxAppendRecords; nothing was appended.
	ErrTooLarge = errors.New("ledger: too large to append")
	// ErrFull: there is no room; nothing was appended and earlier records are whole.
	ErrFull = errors.New("ledger: no space left")
	// ErrUnreachable: the ledger could not be reached; nothing was appended.
	ErrUnreachable = errors.New("ledger: unreachable")
	// ErrClosed: the driver was closed.
	ErrClosed = errors.New("ledger: closed")
	// ErrFailed: a sync failed earlier; the process must stop and start anew.
	ErrFailed = errors.New("ledger: failed, restart the process")
	// ErrSettings: a topic's or directory's settings do not fit a ledger.
	ErrSettings = errors.New("ledger: wrong settings")
)

// Damage reports bytes that fail their own checksum, or records that are
// missing or moved. It stops the replica: damage is never skipped.
type Damage struct {
	Where  string // file or topic
	Offset events.Offset
	Byte   int64 // position in the file, -1 where there is none
	What   string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("ledger: damaged at offset %d (%s, byte %d): %s; restore it from a copy, nothing was skipped", d.Offset, d.Where, d.Byte, d.What)
}

// Check reports whether one Append may carry these records. Every driver asks it
// first, so that all drivers refuse alike.
func Check(records [][]byte) error {
	if len(records) == 0 {
		return errors.New("ledger: an append without a record: pass at least one")
	}
	if len(records) > MaxAppendRecords {
		return fmt.Errorf("%w: %d records in one call, at most %d: split it", ErrTooLarge, len(records), MaxAppendRecords)
	}
	total := 0
	for i, r := range records {
		if len(r) == 0 {
			return fmt.Errorf("ledger: record %d of %d is empty: pass whole frames", i+1, len(records))
		}
		if len(r) > MaxRecordBytes {
			return fmt.Errorf("%w: a record has %d bytes, at most %d", ErrTooLarge, len(r), MaxRecordBytes)
		}
		total += len(r)
	}
	if total > MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes in one call, at most %d: split it", ErrTooLarge, total, MaxAppendBytes)
	}
	return nil
}
