package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/feeds"
	"cairn/projections/follower"
)

// Topic is a compacted topic of a feed.
type Topic interface {
	Partitions() int
	// Put appends a message and returns once it is durable.
	Put(ctx context.Context, m Message) error
	// Read calls fn with every message of a partition from the start on, in
	// order, and with what comes, until ctx ends (it returns ctx's error).
	Read(ctx context.Context, partition int, fn func(Message) error) error
}

// Assignments emits the assignments of all nodes to a topic, partitioned by
// node, until ctx ends, the cell stops or the topic fails; it returns that error.
func Assignments(ctx context.Context, cell follower.Cell, topic Topic) error {
	return emit(ctx, topic, func(ctx context.Context, say func(Message) error) error {
		return feeds.FollowAll(ctx, cell, func(node string, e feed.AssignmentEntry) error {
			m := Message{Partition: Partition(node, topic.Partitions()), Key: e.Key, Offset: e.Offset}
			if e.Pod == nil {
				return say(m)
			}
			return say(with(m, e))
		})
	})
}

// VIPs emits the cell's services to a topic of one partition, as Assignments does.
func VIPs(ctx context.Context, cell follower.Cell, topic Topic) error {
	return emit(ctx, topic, func(ctx context.Context, say func(Message) error) error {
		return feeds.FollowVIPs(ctx, cell, func(e feed.VIPEntry) error {
			m := Message{Key: e.Key, Offset: e.Offset}
			if e.VIP == nil {
				return say(m)
			}
			return say(with(m, e))
		})
	})
}

// Partition is where a node's assignments go.
func Partition(node string, partitions int) int {
	h := fnv.New32a()
	h.Write([]byte(node))
	return int(h.Sum32() % uint32(partitions))
}

func with(m Message, entry any) Message {
	b, err := json.Marshal(entry)
	if err != nil {
		panic("dispatcher: an entry that is no JSON: " + err.Error())
	}
	m.Value = b
	return m
}

// emit feeds a table from the view and from the topic, and puts what it asks for.
func emit(ctx context.Context, topic Topic, follow func(context.Context, func(Message) error) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel(nil)
	wanted, saw := make(chan Message), make(chan Message)
	pass := func(to chan Message) func(Message) error {
		return func(m Message) error {
			select {
			case to <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	wait.Go(func() {
		if err := follow(ctx, pass(wanted)); err != nil {
			cancel(err)
		}
	})
	for p := range topic.Partitions() {
		wait.Go(func() {
			if err := topic.Read(ctx, p, pass(saw)); err != nil {
				cancel(fmt.Errorf("dispatcher: read partition %d of the feed: %w", p, err))
			}
		})
	}
	t, marked := NewTable(), events.NoOffset
	for {
		var put []Message
		select {
		case m := <-wanted:
			if m.Key == "" {
				put = t.Verified(m.Offset)
			} else {
				put = t.Want(m)
			}
		case m := <-saw:
			put = t.Saw(m)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if at, ok := t.Settled(); ok && at > marked && len(put) == 0 {
			put, marked = marks(at, topic.Partitions()), at
		}
		for _, m := range put {
			if err := topic.Put(ctx, m); err != nil {
				return fmt.Errorf("dispatcher: write the feed: %w", err)
			}
		}
	}
}

func marks(at events.Offset, partitions int) (list []Message) {
	for p := range partitions {
		list = append(list, with(Message{Partition: p, Offset: at}, feed.AssignmentEntry{Offset: at, Mark: true}))
	}
	return list
}
