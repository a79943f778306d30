package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest/kafkatest"
)

func openFeed(t *testing.T, c kafka.CompactedConfig) *kafka.Compacted {
	t.Helper()
	f, err := kafka.OpenCompacted(t.Context(), c)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() }) // often closed by the test already
	return f
}

func TestFeedInProcess(t *testing.T) { feedSuite(t, fake(t).ListenAddrs()[0]) }

func TestFeedOnApacheKafka(t *testing.T) { feedSuite(t, kafkatest.Broker(t)) }

// readTo reads a partition from an offset up to its end.
func readTo(t *testing.T, f *kafka.Compacted, partition int, from int64, maxBytes int) (all []kafka.Keyed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	end, err := f.End(ctx, partition)
	if err != nil {
		t.Fatalf("end: %v", err)
	}
	for from < end {
		records, next, err := f.Read(ctx, partition, from, maxBytes)
		if err != nil || next <= from {
			t.Fatalf("read from %d: next %d, %v", from, next, err)
		}
		all, from = append(all, records...), next
	}
	return all
}

func feedSuite(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	config := kafka.CompactedConfig{Brokers: []string{addr}, Topic: kafkatest.Topic(t), Partitions: 3, CreateReplication: 1}
	f := openFeed(t, config)
	var many []kafka.Keyed
	for i := range 5000 { // more than one batch takes
		many = append(many, kafka.Keyed{Key: fmt.Append(nil, "k", i%100), Value: fmt.Append(nil, "v", i)})
	}
	if err := f.PutAll(ctx, 2, many); err != nil {
		t.Fatalf("put all: %v", err)
	}
	if err := f.Put(ctx, 2, []byte("k7"), nil); err != nil {
		t.Fatalf("put a tombstone: %v", err)
	}
	got := readTo(t, f, 2, 0, 10_000)
	if len(got) != len(many)+1 {
		t.Fatalf("read %d records, want %d", len(got), len(many)+1)
	}
	for i, w := range many {
		if got[i].Offset != int64(i) || !bytes.Equal(got[i].Key, w.Key) || !bytes.Equal(got[i].Value, w.Value) {
			t.Fatalf("record %d is %v, want %v", i, got[i], w)
		}
	}
	if last := got[len(many)]; string(last.Key) != "k7" || last.Value != nil {
		t.Fatalf("the tombstone is %v", last)
	}
	if all := readTo(t, f, 0, 0, 1000); len(all) != 0 {
		t.Fatalf("partition 0 holds %d records", len(all))
	}
	if got := readTo(t, f, 2, 4990, 1000); len(got) != 11 || got[0].Offset != 4990 {
		t.Fatalf("read from 4990: %d records from %d on", len(got), got[0].Offset)
	}
	feedWaits(ctx, t, f)
	feedRefuses(ctx, t, f, config)
}

func feedWaits(ctx context.Context, t *testing.T, f *kafka.Compacted) {
	got := make(chan string, 1)
	go func() {
		records, next, err := f.Read(ctx, 1, 0, 1000)
		got <- fmt.Sprint(len(records), next, err)
	}()
	if err := f.Put(ctx, 1, []byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "1 1 <nil>" {
		t.Fatalf("a read that waited: %s", s)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, _, err := f.Read(short, 1, 1, 1000); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("read at the end: %v", err)
	}
}

func feedRefuses(ctx context.Context, t *testing.T, f *kafka.Compacted, config kafka.CompactedConfig) {
	if _, _, err := f.Read(ctx, 1, 99, 1000); err == nil {
		t.Fatal("read beyond the end succeeded")
	}
	if err := f.Put(ctx, 1, nil, []byte("v")); !errors.Is(err, kafka.ErrKey) {
		t.Fatalf("put without a key: %v, want ErrKey", err)
	}
	if err := f.Put(ctx, 3, []byte("k"), nil); err == nil {
		t.Fatal("put to a partition that is not there succeeded")
	}
	config.Partitions = 5
	if _, err := kafka.OpenCompacted(ctx, config); !errors.Is(err, ledger.ErrSettings) {
		t.Fatalf("open with other partitions: %v", err)
	}
	_, err := kafka.Open(ctx, kafka.Config{Brokers: config.Brokers, Topic: config.Topic})
	if !errors.Is(err, ledger.ErrSettings) {
		t.Fatalf("a feed opened as a ledger: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Read(ctx, 1, 1, 1000); !errors.Is(err, ledger.ErrClosed) {
		t.Fatalf("read after close: %v", err)
	}
}

func TestACompactedFeedIsReadOverItsGaps(t *testing.T) {
	c := fake(t)
	config := kafka.CompactedConfig{Brokers: c.ListenAddrs(), Topic: kafkatest.Topic(t), CreateReplication: 1}
	f := openFeed(t, config)
	for i := range 50 {
		if err := f.Put(t.Context(), 0, []byte("same"), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	c.Compact()
	got := readTo(t, f, 0, 0, 1<<20)
	if n := len(got); n == 0 || n == 50 || string(got[n-1].Value) != "49" {
		var s []string
		for _, r := range got {
			s = append(s, string(r.Value))
		}
		t.Fatalf("after compaction: %s", strings.Join(s, " "))
	}
}
