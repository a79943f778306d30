package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"cairn/events"
	"cairn/events/ledger"
)

// fetchWait is how long a broker holds a fetch at the end open.
const fetchWait = 2 * time.Second

// Fetch implements ledger.Ledger. When Kafka does not answer for as long as
// Config.Timeout it returns ErrUnreachable: fetch again.
func (l *Log) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	if from < 0 {
		return nil, errors.New("ledger: fetch from a negative offset: the first record is 0")
	}
	ctx, cancel := l.either(ctx)
	defer cancel()
	if ctx.Err() != nil {
		return nil, l.ended(ctx)
	}
	failing := time.Time{}
	for try := 0; ; try++ {
		records, err := l.fetchOnce(ctx, int64(from), maxBytes)
		var damage *ledger.Damage
		switch {
		case ctx.Err() != nil:
			return nil, l.ended(ctx)
		case err == nil || errors.As(err, &damage):
			return records, err
		case errors.Is(err, errEmpty):
			failing, try = time.Time{}, -1
			continue
		case failing.IsZero():
			failing = time.Now()
		case time.Since(failing) > l.link.timeout:
			return nil, l.link.unreachable(err)
		}
		if backoff(ctx, try) != nil {
			return nil, l.ended(ctx)
		}
	}
}

func (l *Log) fetchOnce(ctx context.Context, from int64, maxBytes int) ([]ledger.Record, error) {
	resp, err := l.link.fetch(ctx, 0, from, maxBytes, fetchWait)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l.link.report(err == nil && (resp.code == 0 || resp.code == kafkago.OffsetOutOfRange))
	switch {
	case err != nil:
		return nil, err
	case resp.code == kafkago.OffsetOutOfRange:
		return nil, l.outOfRange(ctx, from)
	case resp.code != 0:
		return nil, resp.code
	case resp.start > from:
		return nil, l.lost(from, resp.start)
	}
	records, err := l.decode(resp.batches, from, maxBytes)
	switch {
	case err == nil && len(resp.batches) == 0:
		return nil, errEmpty
	case err == nil && len(records) == 0:
		return nil, errors.New("the broker's answer holds no whole batch")
	}
	return records, err
}

// outOfRange finds out at which side the wanted offset lies.
func (l *Log) outOfRange(ctx context.Context, from int64) error {
	start, end, err := l.link.bounds(ctx, 0)
	switch {
	case err != nil:
		return err
	case start > from:
		return l.lost(from, start)
	case end < from:
		return l.damage(end, fmt.Sprintf("the ledger ends before offset %d, which its reader has seen", from))
	}
	return kafkago.OffsetOutOfRange // it passed in the meantime
}

func (l *Log) lost(from, start int64) error {
	return l.damage(from, fmt.Sprintf("the topic begins at offset %d only: records were deleted", start))
}

// decode returns the records from `from` on, about maxBytes, and proves that
// none is missing or moved.
func (l *Log) decode(b []byte, from int64, maxBytes int) ([]ledger.Record, error) {
	var out []ledger.Record
	next, size := from, 0
	for len(b) > 0 && size < maxBytes {
		h, rest, ok, wrong := nextBatch(b)
		if wrong == "" && ok {
			wrong = l.sound(h, next, len(out) == 0)
		}
		if wrong != "" {
			return nil, l.damage(next, wrong)
		}
		if !ok {
			break // cut by the answer's size limit
		}
		full := false
		expect := h.base
		wrong = h.each(func(e entry) {
			if e.offset != expect {
				expect = -1
				return
			}
			expect++
			if full = full || len(out) > 0 && size+len(e.value) > maxBytes; full || e.offset < next {
				return
			}
			size += len(e.value)
			out = append(out, ledger.Record{Offset: events.Offset(e.offset), Time: e.time * int64(time.Millisecond), Data: e.value})
			next = e.offset + 1
		})
		if wrong == "" && expect != h.last+1 {
			wrong = fmt.Sprintf("the batch of offsets %d to %d has not all of its records: was the topic compacted?", h.base, h.last)
		}
		if wrong != "" {
			return nil, l.damage(h.base, wrong)
		}
		if full {
			break
		}
		b = rest
	}
	return out, nil
}

// sound says what is wrong with a batch that must hold the record next; the
// first batch of an answer may begin before it.
func (l *Log) sound(h batchHead, next int64, first bool) string {
	switch {
	case h.base > next, !first && h.base != next:
		return fmt.Sprintf("the records from %d on are missing, the next batch begins at %d", next, h.base)
	case h.attributes&attrControl != 0:
		return "a transaction's marker: nobody may use transactions on a ledger"
	case h.attributes&attrAppendTime == 0 && !l.writerTime:
		return "the record has its writer's time, not the broker's: message.timestamp.type was not LogAppendTime"
	}
	return ""
}
