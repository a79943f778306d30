package emitter

import (
	"cairn/events/feed"
	"cairn/events/ledger/kafka"
	"cairn/events/wire"
	"cairn/projections/feeds/hub"
)

// messages are what a hub says, as the topic shall.
func messages(list []hub.Change, partitions int) []Message {
	out := make([]Message, len(list))
	for i, c := range list {
		out[i] = Message{Partition: Partition(c.Node, partitions), Key: c.Key, Offset: c.Offset, Gone: c.Gone, Value: feed.FrameBody(c.Frame)}
	}
	return out
}

// record is a message as Kafka holds it: the entry's own bytes. A tombstone and
// a mark are entries, too, for their offsets. Both feeds' entries begin alike.
func (m Message) record() kafka.Keyed {
	switch {
	case m.Dropped:
		return kafka.Keyed{Key: []byte(m.Key)}
	case m.Key == MarkKey:
		m.Value = wire.Encode(&feed.VIPEntry{Offset: m.Offset, Mark: true})
	case m.Gone:
		m.Value = wire.Encode(&feed.VIPEntry{Offset: m.Offset, Key: m.Key})
	}
	return kafka.Keyed{Key: []byte(m.Key), Value: m.Value}
}

func parse(which hub.Feed, partition int, r kafka.Keyed) (Message, error) {
	m := Message{Partition: partition, Key: string(r.Key), Value: r.Value}
	if r.Value == nil {
		m.Dropped = true
		return m, nil
	}
	if which == hub.AssignmentsFeed {
		var e feed.AssignmentEntry
		err := wire.Decode(r.Value, &e)
		m.Offset, m.Gone = e.Offset, e.Pod == nil && !e.Mark
		return m, err
	}
	var e feed.VIPEntry
	err := wire.Decode(r.Value, &e)
	m.Offset, m.Gone = e.Offset, e.Service == nil && e.Slice == nil && e.Peer == nil && !e.Mark
	return m, err
}
