package fold

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"cairn/events"
	"cairn/events/wire"
)

// Keys of rows: a tag, then what tells the row apart.
const (
	tagClaim  = 'a'
	tagCell   = 'c'
	tagGlobal = 'g'
	tagSeen   = 'i'
	tagShare  = 'n'
	tagObject = 'o'
)

func objectKey(r events.Ref) []byte {
	return []byte("o" + r.Kind + "\x00" + r.Namespace + "\x00" + r.Name)
}

func seenKey(o events.Offset) []byte {
	return binary.BigEndian.AppendUint64([]byte{tagSeen}, uint64(o))
}

// unsaved is what Rows will give.
type unsaved struct {
	cell   bool
	claims map[netip.Addr]struct{}
	shares map[string]struct{} // by node
}

// Rows gives the rows that changed since the last call, each once: so their
// cost is that of a batch, not of a record, and who keeps no view pays nothing.
//
// Objects and the ids of the last W records are not among them: a view has both
// anyway, and makes their rows with ObjectRow and IDRow when it loads.
func (s *State) Rows() []Row {
	rows := []Row{{Key: []byte{tagGlobal}, Value: wire.Encode(&s.globals)}}
	if s.unsaved.cell {
		rows = append(rows, Row{Key: []byte{tagCell}, Value: wire.Encode(s.cell)})
	}
	for _, a := range slices.SortedFunc(maps.Keys(s.unsaved.claims), netip.Addr.Compare) {
		row := Row{Key: append([]byte{tagClaim}, a.AsSlice()...)}
		if c, ok := s.claims[a]; ok {
			row.Value = wire.Encode(&c)
		}
		rows = append(rows, row)
	}
	for _, node := range slices.Sorted(maps.Keys(s.unsaved.shares)) {
		row := Row{Key: append([]byte{tagShare}, node...)}
		if h, ok := s.shares[node]; ok {
			row.Value = wire.Encode(&h)
		}
		rows = append(rows, row)
	}
	s.unsaved.cell = false
	clear(s.unsaved.claims)
	clear(s.unsaved.shares)
	return rows
}

func (s *State) saveClaim(a netip.Addr, c *claim) {
	s.unsaved.claims[a] = struct{}{}
	if c == nil {
		s.enterClaim(a, s.claims[a], -1)
		delete(s.claims, a)
		return
	}
	s.enterClaim(a, *c, +1)
	s.claims[a] = *c
}

func (s *State) saveShare(node string, h *share) {
	s.unsaved.shares[node] = struct{}{}
	if h == nil {
		delete(s.shares, node)
		return
	}
	s.shares[node] = *h
}

// Load gives the state that rows describe: the last of each key that Rows gave,
// the objects' and the ids'.
func Load(rows iter.Seq2[[]byte, []byte]) (*State, error) {
	s := New()
	for key, value := range rows {
		if len(key) == 0 {
			return nil, fmt.Errorf("fold: a row without a key")
		}
		if err := s.load(key[0], key[1:], bytes.Clone(value)); err != nil {
			return nil, fmt.Errorf("fold: row %q: %w", key, err)
		}
	}
	if s.cell != nil && !s.setCell(s.cell) {
		return nil, fmt.Errorf("fold: the stored cell has no ranges")
	}
	s.seen.sort()
	for ref := range s.objects {
		o := s.at(ref)
		s.reindex(nil, o)
		if o.projected != nil && o.projected.Slice != nil {
			s.enterSlice(o)
		}
	}
	return s, nil
}

func (s *State) load(tag byte, key, value []byte) error {
	switch tag {
	case tagGlobal:
		s.globals = globals{}
		return wire.Decode(value, &s.globals)
	case tagCell:
		s.cell = new(events.Cell)
		return wire.Decode(value, s.cell)
	case tagObject:
		var o objectRow
		if err := wire.Decode(value, &o); err != nil {
			return err
		}
		s.objects[o.ref] = (*object)(&o).pack()
	case tagSeen:
		if len(key) != 8 || len(value) != 16 {
			return events.ErrMalformed
		}
		offset, id := events.Offset(binary.BigEndian.Uint64(key)), events.ID(value)
		s.seen.add(offset, id)
	case tagClaim:
		a, ok := netip.AddrFromSlice(key)
		var c claim
		if err := wire.Decode(value, &c); err != nil || !ok {
			return events.ErrMalformed
		}
		s.claims[a] = c
		s.enterClaim(a, c, +1)
	case tagShare:
		var h share
		if err := wire.Decode(value, &h); err != nil {
			return err
		}
		s.shares[string(key)] = h
	default:
		return events.ErrMalformed
	}
	return nil
}

func sameFacts(a, b *events.Facts) bool { return sameMessage(a, b) }

// sameMessage compares what two messages say; a nil one says nothing.
func sameMessage[T any, P interface {
	*T
	wire.Message
}](a, b P) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(wire.Encode(a), wire.Encode(b))
}
