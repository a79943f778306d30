package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cairn/events"
	"cairn/events/ledger/kafka"
	"cairn/projections/follower"
	"cairn/reconcilers/dispatcher"
	"cairn/tools/cairn/cell"
)

// assignmentPartitions is how many groups of nodes the assignments are cut into.
const assignmentPartitions = 8

// emitFeeds keeps the feeds' topics right while the cell runs, where the ledger
// is Kafka; elsewhere nodes follow their feeds through the server alone, and
// it only waits. Kafka being away ends nothing: the feed is repaired later.
func emitFeeds(ctx context.Context, s *cell.Settings, f *follower.Follower) error {
	if s.Ledger == "embedded" {
		<-ctx.Done()
		return nil
	}
	brokers, topic, err := parseKafka(s.Ledger, s.Name)
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(topic, "ledger")
	done := make(chan struct{})
	go func() {
		defer close(done)
		keepEmitting(ctx, brokers, prefix+"vips", 1, func(ctx context.Context, t dispatcher.Topic) error { return dispatcher.VIPs(ctx, f, t) })
	}()
	keepEmitting(ctx, brokers, prefix+"assignments", assignmentPartitions, func(ctx context.Context, t dispatcher.Topic) error { return dispatcher.Assignments(ctx, f, t) })
	<-done
	return nil
}

// keepEmitting opens a topic and emits to it, again and again until ctx ends.
func keepEmitting(ctx context.Context, brokers []string, topic string, partitions int, emit func(context.Context, dispatcher.Topic) error) {
	for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, 30*time.Second) {
		t, err := kafka.OpenCompacted(ctx, kafka.CompactedConfig{Brokers: brokers, Topic: topic, Partitions: partitions, CreateReplication: createReplication(brokers, false)})
		if err == nil {
			began := time.Now()
			err = errors.Join(emit(ctx, compacted{t}), t.Close())
			if time.Since(began) > time.Minute {
				pause = time.Second
			}
		}
		if ctx.Err() != nil {
			return
		}
		slog.Warn("a feed's topic is not kept up to date; trying again", "topic", topic, "error", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// compacted is a Kafka topic as the dispatcher sees it. Messages are JSON: the
// offset they derive from, and the entry (null: a tombstone, whose key lives on
// until Kafka's compaction, which is all that compaction may forget).
type compacted struct{ topic *kafka.Compacted }

type message struct {
	Offset events.Offset   `json:"offset"`
	Entry  json.RawMessage `json:"entry,omitempty"`
}

func (c compacted) Partitions() int { return c.topic.Partitions() }

func (c compacted) Put(ctx context.Context, m dispatcher.Message) error {
	value, err := json.Marshal(message{m.Offset, m.Value})
	if err != nil {
		return err
	}
	return c.topic.Put(ctx, m.Partition, []byte(m.Key), value)
}

func (c compacted) Read(ctx context.Context, partition int, fn func(dispatcher.Message) error) error {
	for from := int64(0); ; {
		records, next, err := c.topic.Read(ctx, partition, from, 1<<20)
		if err != nil {
			return err
		}
		from = next
		for _, r := range records {
			var v message
			if err := json.Unmarshal(r.Value, &v); err != nil {
				return fmt.Errorf("partition %d of a feed's topic holds what no cairn wrote: %w; remove the topic, it is made anew", partition, err)
			}
			if err := fn(dispatcher.Message{Partition: partition, Key: string(r.Key), Offset: v.Offset, Value: v.Entry}); err != nil {
				return err
			}
		}
	}
}
