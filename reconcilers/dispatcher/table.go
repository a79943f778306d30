package dispatcher

import (
	"maps"
	"slices"

	"cairn/events"
)

// Message is one record of a feed's topic.
type Message struct {
	Partition int
	Key       string        // empty: a mark
	Offset    events.Offset // of the ledger, that it derives from
	Value     []byte        // the feed entry as JSON; nil: a tombstone
}

// Table compares what a topic's last records say with what the view says.
//
// Invariant: waiting holds exactly the keys of which the topic has not shown a
// record as new as the wanted one.
type Table struct {
	wanted   map[slot]Message
	seen     map[slot]events.Offset
	waiting  map[slot]bool
	verified events.Offset // the view's, up to which wanted is complete
}

type slot struct {
	partition int
	key       string
}

// NewTable makes a table that wants nothing yet.
func NewTable() *Table {
	return &Table{wanted: map[slot]Message{}, seen: map[slot]events.Offset{}, waiting: map[slot]bool{}, verified: events.NoOffset}
}

// Want takes what the view says of a key and returns what to put.
func (t *Table) Want(m Message) []Message {
	s := slot{m.Partition, m.Key}
	t.wanted[s] = m
	if at, ok := t.seen[s]; ok && at >= m.Offset {
		delete(t.waiting, s)
		return nil
	}
	t.waiting[s] = true
	return []Message{m}
}

// Saw takes a record of the topic and returns what to put to repair it.
//
// A key that the view doesn't have, though it has folded more than the record's offset,
// was left by an emitter that ended in between: it gets a tombstone.
func (t *Table) Saw(m Message) []Message {
	if m.Key == "" {
		return nil
	}
	s := slot{m.Partition, m.Key}
	t.seen[s] = m.Offset
	want, ok := t.wanted[s]
	switch {
	case ok && want.Offset > m.Offset:
		t.waiting[s] = true
		return []Message{want}
	case ok:
		delete(t.waiting, s)
		if want.Value == nil { // it was to end: the topic says so itself, or knows of something newer
			delete(t.wanted, s)
			if m.Value == nil {
				delete(t.seen, s)
			}
		}
		return nil
	case m.Value == nil:
		delete(t.seen, s)
		return nil
	case m.Offset < t.verified:
		return t.Want(Message{Partition: m.Partition, Key: m.Key, Offset: t.verified})
	}
	return nil
}

// Verified takes that the view has been derived completely up to an offset, and
// returns tombstones for what the topic has beyond it.
func (t *Table) Verified(o events.Offset) (put []Message) {
	t.verified = max(t.verified, o)
	slots := slices.SortedFunc(maps.Keys(t.seen), func(a, b slot) int {
		if a.partition != b.partition {
			return a.partition - b.partition
		}
		return events.Ref{Name: a.key}.Compare(events.Ref{Name: b.key})
	})
	for _, s := range slots {
		if _, ok := t.wanted[s]; !ok && t.seen[s] < o {
			put = append(put, t.Want(Message{Partition: s.partition, Key: s.key, Offset: o})...)
		}
	}
	return put
}

// Settled gives the offset that a mark may name; false while something that was
// put has not been read back.
func (t *Table) Settled() (events.Offset, bool) {
	return t.verified, len(t.waiting) == 0 && t.verified != events.NoOffset
}
