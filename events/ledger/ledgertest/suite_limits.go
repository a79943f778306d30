package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
)

func largestRecord(t *testing.T, l ledger.Ledger) {
	data := bytes.Repeat([]byte("0123456789abcdef"), ledger.MaxRecordBytes/16)
	small := bytes.Repeat([]byte("y"), ledger.MaxAppendBytes-ledger.MaxRecordBytes)
	mustAppend(t, l, data, small)
	all := ReadAll(t, l)
	if len(all) != 2 || !bytes.Equal(all[0].Data, data) || !bytes.Equal(all[1].Data, small) {
		t.Fatalf("the largest append came back as %d records", len(all))
	}
	many := make([][]byte, ledger.MaxAppendRecords)
	size := ledger.MaxAppendBytes / ledger.MaxAppendRecords
	for i := range many {
		many[i] = bytes.Repeat([]byte{byte(i)}, size)
	}
	if first := mustAppend(t, l, many...); first != 2 {
		t.Fatalf("the append of most records went to %d, want 2", first)
	}
}

func tooLargeAlone(t *testing.T, l ledger.Ledger) {
	var accepted atomic.Int64
	big := make([]byte, ledger.MaxRecordBytes+1)
	half := make([]byte, ledger.MaxRecordBytes/2+1)
	concurrently(t, 24, func(i int) error {
		var err error
		switch i % 4 {
		case 0:
			_, err = l.Append(t.Context(), [][]byte{[]byte("fits"), big})
		case 1:
			_, err = l.Append(t.Context(), [][]byte{half, half, half})
		case 2:
			_, err = l.Append(t.Context(), make([][]byte, ledger.MaxAppendRecords+1))
		default:
			if _, err := l.Append(t.Context(), [][]byte{record(i)}); err != nil {
				return fmt.Errorf("a neighbour of a record that is too large: %w", err)
			}
			accepted.Add(1)
			return nil
		}
		if !errors.Is(err, ledger.ErrTooLarge) {
			return fmt.Errorf("append that is too large: %v, want ErrTooLarge", err)
		}
		return nil
	})
	if end := mustEnd(t, l); end != events.Offset(accepted.Load()) {
		t.Fatalf("%d records are there, %d were accepted", end, accepted.Load())
	}
}

func nothingRefused(t *testing.T, l ledger.Ledger) {
	for _, records := range [][][]byte{nil, {}, {nil}, {[]byte("a"), {}}} {
		if _, err := l.Append(t.Context(), records); err == nil {
			t.Errorf("append of %q succeeded", records)
		}
	}
	if end := mustEnd(t, l); end != 0 {
		t.Fatalf("the end is %d, want 0", end)
	}
}

func endedContext(t *testing.T, l ledger.Ledger) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Append(ctx, [][]byte{[]byte("a")})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append with an ended context: %v, want a plain context.Canceled", err)
	}
	if end := mustEnd(t, l); end != 0 {
		t.Fatalf("the end is %d, want 0", end)
	}
}
