package feeds

import (
	"cmp"
	"hash/fnv"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/view"
)

// Network holds the VIPs feed: the last entry of each service, slice and node,
// encoded, and what was removed lately.
//
// Invariant: an entry given out for a key is never older than the one before;
// keys[ref] is the key under which an object stands in last.
type Network struct {
	r0   uint64
	last map[string]*Row
	keys map[events.Ref]string

	gone      []*Row // tombstones, ascending by offset
	goneBytes int
	floor     events.Offset // removals after it are all in gone
}

// goneLimit bounds the tombstones that are kept for streams that go on.
const goneLimit = 1 << 20

// Row is one key's entry.
type Row struct {
	Key    string
	Offset events.Offset
	Gone   bool
	Frame  []byte // of a feed.VIPEntry, whole, see feed.AppendFrame; shared
	Stream []byte // what a stream is told instead: the same, or what differs; shared
}

// NewNetwork makes an empty table that knows of no removal up to floor.
func NewNetwork(r0 uint64, floor events.Offset) *Network {
	return &Network{r0: r0, last: map[string]*Row{}, keys: map[events.Ref]string{}, floor: floor}
}

// Set takes an object as it is now and returns the entries to emit, none where
// nothing in them changed; other kinds than VIPKinds change none.
func (t *Network) Set(o *view.Object) (emit []*Row) {
	key, old := VIPKey(o), t.keys[o.Ref]
	if old != "" && old != key {
		emit = t.Remove(o.Ref, o.Revision)
	}
	if key == "" {
		return emit
	}
	e := VIP(t.r0, o)
	row := &Row{Key: key, Offset: e.Offset, Frame: feed.AppendFrame(nil, e)}
	row.Stream = row.Frame
	if had := t.last[key]; had != nil {
		if had.Offset > e.Offset {
			return emit
		}
		change, same := difference(had.entry(), e)
		if same {
			return emit
		}
		if change != nil {
			row.Stream = feed.AppendFrame(nil, change)
		}
	}
	t.last[key], t.keys[o.Ref] = row, key
	return append(emit, row)
}

// Remove takes the end of an object at revision r and returns what it ends.
func (t *Network) Remove(ref events.Ref, r events.Revision) []*Row {
	key, ok := t.keys[ref]
	if !ok {
		return nil
	}
	delete(t.keys, ref)
	delete(t.last, key)
	return []*Row{t.Forget(key, r.Offset(t.r0))}
}

// Forget notes that a key was removed at an offset, and gives its tombstone.
// Offsets must not descend.
func (t *Network) Forget(key string, at events.Offset) *Row {
	row := &Row{Key: key, Offset: at, Gone: true, Frame: feed.AppendFrame(nil, &feed.VIPEntry{Offset: at, Key: key})}
	row.Stream = row.Frame
	t.gone = append(t.gone, row)
	for t.goneBytes += len(row.Frame); t.goneBytes > goneLimit; t.gone = t.gone[1:] {
		t.goneBytes -= len(t.gone[0].Frame)
		t.floor = t.gone[0].Offset
		t.gone[0] = nil // the array behind it is shared
	}
	return row
}

// Get gives a key's entry; nil where there is none.
func (t *Network) Get(key string) *Row { return t.last[key] }

// Rows copies all entries and tombstones, in no order, and gives the offset
// after which no removal is missing.
func (t *Network) Rows() (rows []*Row, floor events.Offset) {
	rows = make([]*Row, 0, len(t.last)+len(t.gone))
	for _, r := range t.last {
		rows = append(rows, r)
	}
	return append(rows, t.gone...), t.floor
}

func (r *Row) entry() *feed.VIPEntry {
	e := &feed.VIPEntry{}
	if err := wire.Decode(feed.FrameBody(r.Frame), e); err != nil {
		panic("feeds: an entry of our own that can't be read: " + err.Error()) // a bug
	}
	return e
}

// difference compares two entries of one key: the same for a node, or what
// differs in a slice, where that is less than the slice.
func difference(had, e *feed.VIPEntry) (change *feed.VIPEntry, same bool) {
	if e.Slice == nil || had.Slice == nil {
		at := e.Offset
		had.Offset, e.Offset = 0, 0
		same = string(wire.Encode(had)) == string(wire.Encode(e))
		e.Offset = at
		return nil, same
	}
	if had.Version == e.Version {
		return nil, true
	}
	c, less := had.Slice.Differ(e.Slice)
	if !less {
		return nil, false
	}
	c.From = had.Version
	return &feed.VIPEntry{Offset: e.Offset, Key: e.Key, Version: e.Version, Change: c}, false
}

// version names what a slice holds: FNV-1a over its bytes, alike on every server.
func version(s *feed.Slice) uint64 {
	h := fnv.New64a()
	h.Write(wire.Encode(s))
	return h.Sum64()
}

// compareEndpoints puts the one that says more first among equal addresses.
func compareEndpoints(a, b feed.Endpoint) int {
	return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(b.Hostname, a.Hostname), cmp.Compare(b.Node, a.Node))
}
