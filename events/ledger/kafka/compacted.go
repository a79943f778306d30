package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"cairn/events/ledger"
)

// CompactedConfig names a compacted topic.
type CompactedConfig struct {
	Brokers           []string
	Topic             string
	Partitions        int           // 1 if 0
	CreateReplication int           // 0: the topic must be there
	Timeout           time.Duration // how long to go on when nothing answers; 10 s if 0
}

// ErrKey: a record for a compacted topic has no key. Neither it nor what comes
// after it in its call was appended.
var ErrKey = errors.New("ledger: no key")

// Keyed is one record of a compacted topic. Its Key is not empty: Kafka itself
// refuses one without. A nil Value is a tombstone: the key is gone.
type Keyed struct {
	Offset     int64 // in its partition; 0 when written
	Key, Value []byte
}

// Compacted is a topic that keeps the last record of each key, as feeds are.
// What it says is derived from the ledger and is repaired, not trusted: a late
// request may put an older record behind a newer one, so records carry their
// ledger offset and readers drop what is older than what they have.
type Compacted struct {
	link       *link
	partitions int
	ctx        context.Context
	cancel     context.CancelFunc

	mu sync.Mutex // one produce request in flight, so that records keep their order
}

// OpenCompacted connects to a compacted topic and checks its settings. Errors
// as of Open.
func OpenCompacted(ctx context.Context, c CompactedConfig) (*Compacted, error) {
	if len(c.Brokers) == 0 || c.Topic == "" {
		return nil, fmt.Errorf("%w: a feed on Kafka needs a broker's address and a topic", ledger.ErrSettings)
	}
	t := &Compacted{link: newLink(c.Brokers, c.Topic, c.Timeout), partitions: max(1, c.Partitions)}
	if _, err := t.link.open(ctx, t.partitions, c.CreateReplication, compactedSettings); err != nil {
		t.link.close()
		return nil, err
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t, nil
}

// Partitions gives the number of the topic's partitions.
func (t *Compacted) Partitions() int { return t.partitions }

// Put appends one record to a partition. It may be there twice, and after
// ErrUnknown it may be there: put it again, twice does no harm.
func (t *Compacted) Put(ctx context.Context, partition int, key, value []byte) error {
	return t.PutAll(ctx, partition, []Keyed{{Key: key, Value: value}})
}

// PutAll appends records to a partition, in order, in as few requests as
// their size allows. After an error some of them may be there.
func (t *Compacted) PutAll(ctx context.Context, partition int, records []Keyed) error {
	if partition < 0 || partition >= t.partitions {
		return fmt.Errorf("ledger: partition %d of %s, which has %d", partition, t.link.where(), t.partitions)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		var entries []entry
		size := 0
		for _, r := range records {
			n := len(r.Key) + len(r.Value)
			if len(r.Key) == 0 {
				return fmt.Errorf("%w: a record without a key for %s, which keeps the last of each key", ErrKey, t.link.where())
			}
			if n > ledger.MaxRecordBytes {
				return fmt.Errorf("%w: a record of a feed has %d bytes, at most %d", ledger.ErrTooLarge, n, ledger.MaxRecordBytes)
			}
			if size+n > ledger.MaxAppendBytes || len(entries) == ledger.MaxAppendRecords {
				break
			}
			size += n
			entries = append(entries, entry{key: r.Key, value: r.Value})
		}
		if err := t.produce(ctx, int32(partition), entries); err != nil {
			return err
		}
		records = records[len(entries):]
	}
	return nil
}

// produce puts a batch again as long as its outcome is unknown and the time is
// not up: twice does no harm.
func (t *Compacted) produce(ctx context.Context, partition int32, entries []entry) error {
	deadline := time.Now().Add(t.link.timeout)
	for try := 0; ; try++ {
		batch := encodeBatch(nil, entries, time.Now().UnixMilli()) // anew: kafka-go may still hold the last one
		_, err := t.link.produce(t.ctx, partition, batch)
		if !errors.Is(err, ledger.ErrUnknown) || time.Now().After(deadline) {
			return err
		}
		if err := backoff(ctx, try); err != nil {
			return err
		}
		if t.ctx.Err() != nil {
			return ledger.ErrClosed
		}
	}
}

// Read returns records of a partition from an offset on, about maxBytes, and
// the offset to go on from. Compacted records are missing from the answer. At
// the end it waits until there is one, or ctx ends. An offset beyond the end is
// an error: the partition is another one than its reader has seen.
func (t *Compacted) Read(ctx context.Context, partition int, from int64, maxBytes int) (records []Keyed, next int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	failing := time.Time{}
	for try := 0; ; try++ {
		resp, err := t.link.fetch(ctx, int32(partition), from, maxBytes, fetchWait)
		if t.ctx.Err() != nil {
			return nil, from, ledger.ErrClosed
		}
		if ctx.Err() != nil {
			return nil, from, ctx.Err()
		}
		if err == nil && resp.code != 0 {
			err = resp.code
		}
		t.link.report(err == nil || errors.Is(err, kafkago.OffsetOutOfRange))
		switch {
		case errors.Is(err, kafkago.OffsetOutOfRange):
			start, end, berr := t.link.bounds(ctx, partition)
			if berr == nil && from > end {
				return nil, from, t.damage(partition, from, fmt.Sprintf("it ends at %d: was the topic made anew? read it again from 0", end))
			}
			if berr == nil && from < start {
				from = start // what was before is superseded: this is no ledger
			}
		case err == nil:
			records, next, wrong := keyed(resp.batches, from)
			if wrong != "" {
				return nil, from, t.damage(partition, next, wrong)
			}
			if len(records) > 0 {
				return records, next, nil
			}
			from, failing, try = next, time.Time{}, -1
			continue
		case failing.IsZero():
			failing = time.Now()
		case time.Since(failing) > t.link.timeout:
			return nil, from, t.link.unreachable(err)
		}
		_ = backoff(ctx, try) // the next round sees that ctx has ended
	}
}

func (t *Compacted) damage(partition int, o int64, what string) error {
	return fmt.Errorf("ledger: partition %d of %s at offset %d: %s", partition, t.link.where(), o, what)
}

// keyed returns the records at or after from, and the offset to go on from.
func keyed(b []byte, from int64) (records []Keyed, next int64, wrong string) {
	next = from
	for len(b) > 0 {
		h, rest, ok, wrong := nextBatch(b)
		if wrong != "" || !ok {
			return records, next, wrong
		}
		if h.attributes&attrControl == 0 {
			wrong = h.each(func(e entry) {
				if e.offset >= from {
					records = append(records, Keyed{e.offset, e.key, e.value})
				}
			})
		}
		if wrong != "" {
			return nil, h.base, wrong
		}
		next = max(next, h.last+1)
		b = rest
	}
	return records, next, ""
}

// End returns the partition's end: every record put before the call lies below
// it. A reader has seen what there was when Read's next has reached it: the
// newest records are never compacted away.
func (t *Compacted) End(ctx context.Context, partition int) (int64, error) {
	var end int64
	err := t.link.persist(ctx, func() (err error) {
		end, err = t.link.end(ctx, partition)
		return err
	})
	return end, err
}

// Close ends the client; calls under way fail.
func (t *Compacted) Close() error {
	t.cancel()
	t.link.close()
	return nil
}
