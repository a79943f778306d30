package emitter

import (
	"cmp"
	"maps"
	"slices"

	"cairn/events"
)

// MarkKey is the key of a partition's marks: a compacted topic takes no record
// without one, and keeps the last. No entry has it: the key of a pod or a
// service begins with its namespace, and a node's has no slash.
const MarkKey = "/verified"

// Message is one record of a feed's topic.
type Message struct {
	Partition int
	Key       string        // MarkKey: everything is as of Offset, or newer
	Offset    events.Offset // of the ledger, that it derives from
	Gone      bool          // a tombstone: says so at its offset, until it is dropped
	Dropped   bool          // Kafka's own tombstone: compaction may forget the key
	Value     []byte        // the entry's bytes; nil with Dropped
}

// keepTombstones is for how many records of the ledger a tombstone stands in a
// topic. Its offset is what outweighs an older entry that comes late; later
// than this a late entry is taken away again as one that the view doesn't have.
const keepTombstones = 1 << 14

// Table compares what a topic's last records say with what the view says.
//
// Invariant: waiting holds exactly the keys of which the topic has not shown a
// record as new as the wanted one; strangers those that it has shown last as
// living and the view doesn't have.
type Table struct {
	wanted    map[slot]Message
	seen      map[slot]events.Offset
	waiting   map[slot]bool
	strangers map[slot]events.Offset
	ended     []ending      // tombstones read back, ascending by when
	verified  events.Offset // the view's, up to which wanted is complete
	marked    map[int]mark  // by partition
}

// mark is how far a partition's marks go.
type mark struct {
	put  events.Offset // ours, not surpassed by another's
	last events.Offset // the last one in the topic
}

type slot struct {
	partition int
	key       string
}

// ending is a tombstone that stands in the topic since the view was at `when`.
type ending struct {
	slot
	when events.Offset
}

// NewTable makes a table that wants nothing yet.
func NewTable() *Table {
	return &Table{wanted: map[slot]Message{}, seen: map[slot]events.Offset{}, waiting: map[slot]bool{},
		strangers: map[slot]events.Offset{}, marked: map[int]mark{}, verified: events.NoOffset}
}

// Want takes what the view says of a key and returns what to put.
func (t *Table) Want(m Message) []Message {
	s := slot{m.Partition, m.Key}
	t.wanted[s] = m
	delete(t.strangers, s)
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
	if m.Key == MarkKey {
		t.sawMark(m)
		return nil
	}
	s := slot{m.Partition, m.Key}
	want, ok := t.wanted[s]
	if m.Dropped {
		m.Offset = events.NoOffset
		if ok && want.Gone {
			t.settled(s)
			return nil
		}
	}
	t.seen[s] = m.Offset
	switch {
	case ok && want.Offset > m.Offset:
		t.waiting[s] = true
		return []Message{want}
	case ok:
		delete(t.waiting, s)
		if want.Gone { // the topic says so itself, or knows of something newer
			delete(t.wanted, s)
			t.stranger(s, m)
		}
		return nil
	case m.Offset < t.verified && !m.Gone && !m.Dropped:
		return t.Want(Message{Partition: m.Partition, Key: m.Key, Offset: t.verified, Gone: true})
	}
	t.stranger(s, m)
	return nil
}

// stranger notes the last record of a key that the view doesn't have.
func (t *Table) stranger(s slot, m Message) {
	switch {
	case m.Dropped:
		t.settled(s)
	case m.Gone:
		t.settled(s)
		t.ended = append(t.ended, ending{s, max(t.verified, m.Offset)})
	default:
		t.strangers[s] = m.Offset
	}
}

// settled forgets a key of which neither the view nor the topic has anything.
func (t *Table) settled(s slot) {
	delete(t.wanted, s)
	delete(t.seen, s)
	delete(t.waiting, s)
	delete(t.strangers, s)
}

// Verified takes that the view has been derived completely up to an offset, and
// returns tombstones for what the topic has beyond it, and those that end old ones.
func (t *Table) Verified(o events.Offset) (put []Message) {
	t.verified = max(t.verified, o)
	for _, s := range slices.SortedFunc(maps.Keys(t.strangers), compareSlots) {
		if t.strangers[s] < o {
			put = append(put, t.Want(Message{Partition: s.partition, Key: s.key, Offset: o, Gone: true})...)
		}
	}
	for len(t.ended) > 0 && t.ended[0].when+keepTombstones < t.verified {
		s := t.ended[0].slot
		t.ended = t.ended[1:]
		_, wanted := t.wanted[s]
		if _, seen := t.seen[s]; !wanted && !seen { // else the key lives again
			put = append(put, Message{Partition: s.partition, Key: s.key, Dropped: true})
		}
	}
	return put
}

func compareSlots(a, b slot) int {
	return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.key, b.key))
}

// Settled gives the offset that a mark may name; false while something that was
// put has not been read back.
func (t *Table) Settled() (events.Offset, bool) {
	return t.verified, len(t.waiting) == 0 && t.verified != events.NoOffset
}

// Marks returns the marks to put now. A partition whose last mark says as much
// gets none: compaction keeps the last one, and an emitter that is behind must
// not take back what another said. One that did so is corrected here.
func (t *Table) Marks(partitions int) (put []Message) {
	at, ok := t.Settled()
	if !ok {
		return nil
	}
	for p := range partitions {
		if m := t.markOf(p); m.last < at && m.put < at {
			t.marked[p] = mark{at, m.last}
			put = append(put, Message{Partition: p, Key: MarkKey, Offset: at})
		}
	}
	return put
}

func (t *Table) sawMark(m Message) {
	had := t.markOf(m.Partition)
	had.last = m.Offset
	if m.Offset < had.put { // an older one stands behind ours, or ours is still to come: say it again
		had.put = events.NoOffset
	}
	t.marked[m.Partition] = had
}

func (t *Table) markOf(partition int) mark {
	if m, ok := t.marked[partition]; ok {
		return m
	}
	return mark{events.NoOffset, events.NoOffset}
}
