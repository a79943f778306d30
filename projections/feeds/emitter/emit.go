package emitter

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"

	"cairn/events"
	"cairn/events/ledger/kafka"
	"cairn/projections/feeds/hub"
)

// Topic is a compacted topic of a feed: a *kafka.Compacted.
type Topic interface {
	Partitions() int
	// PutAll appends records to a partition, in order, and returns once they are durable.
	PutAll(ctx context.Context, partition int, records []kafka.Keyed) error
	// Read returns records of a partition from an offset of its own on, and the
	// offset to go on from; at the end it waits.
	Read(ctx context.Context, partition int, from int64, maxBytes int) ([]kafka.Keyed, int64, error)
	// End returns the offset after the last record put before the call.
	End(ctx context.Context, partition int) (int64, error)
}

// Source is the hub whose entries are written.
type Source interface {
	Changes(ctx context.Context, which hub.Feed, fn func([]hub.Change, events.Offset) error) error
}

// Assignments emits the assignments of all nodes to a topic, partitioned by
// node, until ctx ends, the source or the topic fails; it returns that error.
func Assignments(ctx context.Context, source Source, topic Topic) error {
	return emit(ctx, source, hub.AssignmentsFeed, topic)
}

// VIPs emits the cell's services, slices and peers to a topic of one
// partition, as Assignments does.
func VIPs(ctx context.Context, source Source, topic Topic) error {
	return emit(ctx, source, hub.VIPsFeed, topic)
}

// Partition is where a node's assignments go.
func Partition(node string, partitions int) int {
	h := fnv.New32a()
	h.Write([]byte(node))
	return int(h.Sum32() % uint32(partitions))
}

// readBytes is how much of a topic is read at once.
const readBytes = 1 << 20

// step is what a table is told at once: what the view says up to an offset, or
// what was read of the topic.
type step struct {
	wanted []Message
	upTo   events.Offset // NoOffset: these are read of the topic
	saw    []Message
}

// emit feeds a table from the view and from the topic, and puts what it asks for.
// The topic is read to its end first, so that who takes over puts only what is
// missing.
func emit(ctx context.Context, source Source, which hub.Feed, topic Topic) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel(nil)
	steps := make(chan step)
	pass := func(s step) error {
		select {
		case steps <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var read sync.WaitGroup
	read.Add(topic.Partitions())
	wait.Go(func() {
		read.Wait()
		err := source.Changes(ctx, which, func(list []hub.Change, upTo events.Offset) error {
			return pass(step{wanted: messages(list, topic.Partitions()), upTo: upTo})
		})
		cancel(err)
	})
	for p := range topic.Partitions() {
		wait.Go(func() {
			if err := reading(ctx, topic, p, which, sync.OnceFunc(read.Done), pass); err != nil {
				cancel(fmt.Errorf("emitter: read partition %d of the feed: %w", p, err))
			}
		})
	}
	t := NewTable()
	for {
		var put []Message
		select {
		case s := <-steps:
			put = t.take(s)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if len(put) == 0 {
			put = t.Marks(topic.Partitions())
		}
		if err := write(ctx, topic, put); err != nil {
			return fmt.Errorf("emitter: write the feed: %w", err)
		}
	}
}

func (t *Table) take(s step) (put []Message) {
	for _, m := range s.saw {
		put = append(put, t.Saw(m)...)
	}
	if s.upTo == events.NoOffset {
		return put
	}
	for _, m := range s.wanted {
		put = append(put, t.Want(m)...)
	}
	return append(put, t.Verified(s.upTo)...)
}

// reading passes on what a partition holds and what comes; it calls done when it
// has passed on what there was at first, or fails.
func reading(ctx context.Context, topic Topic, partition int, which hub.Feed, done func(), pass func(step) error) error {
	defer done()
	end, err := topic.End(ctx, partition)
	if err != nil {
		return err
	}
	for from := int64(0); ; {
		if from >= end {
			done()
		}
		records, next, err := topic.Read(ctx, partition, from, readBytes)
		if err != nil {
			return err
		}
		from = next
		s := step{upTo: events.NoOffset}
		for _, r := range records {
			m, err := parse(which, partition, r)
			if err != nil {
				return fmt.Errorf("it holds what no cairn wrote: %w; remove the topic, it is made anew", err)
			}
			s.saw = append(s.saw, m)
		}
		if err := pass(s); err != nil {
			return err
		}
	}
}

// write puts messages, those of a partition together and in order.
func write(ctx context.Context, topic Topic, put []Message) error {
	by := make([][]kafka.Keyed, topic.Partitions())
	for _, m := range put {
		by[m.Partition] = append(by[m.Partition], m.record())
	}
	for p, records := range by {
		if len(records) == 0 {
			continue
		}
		if err := topic.PutAll(ctx, p, records); err != nil {
			return err
		}
	}
	return nil
}
