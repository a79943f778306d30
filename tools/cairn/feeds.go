package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"cairn/events/ledger/kafka"
	"cairn/projections/feeds/emitter"
	"cairn/projections/feeds/hub"
	"cairn/tools/cairn/cell"
)

// assignmentPartitions is how many groups of nodes the assignments are cut into.
const assignmentPartitions = 8

// emitFeeds keeps the feeds' topics right while the cell runs, where the ledger
// is Kafka; elsewhere nodes follow their feeds through the server alone, and
// it only waits. Kafka being away ends nothing: the feed is repaired later.
func emitFeeds(ctx context.Context, s *cell.Settings, feeds *hub.Hub) error {
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
		keepEmitting(ctx, brokers, prefix+"vips", 1, func(ctx context.Context, t emitter.Topic) error { return emitter.VIPs(ctx, feeds, t) })
	}()
	keepEmitting(ctx, brokers, prefix+"assignments", assignmentPartitions, func(ctx context.Context, t emitter.Topic) error { return emitter.Assignments(ctx, feeds, t) })
	<-done
	return nil
}

// keepEmitting opens a topic and emits to it, again and again until ctx ends.
func keepEmitting(ctx context.Context, brokers []string, topic string, partitions int, emit func(context.Context, emitter.Topic) error) {
	for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, 30*time.Second) {
		t, err := kafka.OpenCompacted(ctx, kafka.CompactedConfig{Brokers: brokers, Topic: topic, Partitions: partitions, CreateReplication: createReplication(brokers, false)})
		if err == nil {
			began := time.Now()
			err = errors.Join(emit(ctx, t), t.Close())
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
