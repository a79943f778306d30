package fold

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"

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

func (s *State) row(key, value []byte) {
	s.step.rows = append(s.step.rows, Row{Key: key, Value: value})
}

func (s *State) saveObject(o *object) {
	s.row(objectKey(o.ref), s.encode((*objectRow)(o)))
}

func (s *State) saveCell() { s.row([]byte{tagCell}, wire.Encode(s.cell)) }

func (s *State) saveGlobals() { s.row([]byte{tagGlobal}, s.encode(&s.globals)) }

// encode gives m's bytes in a slice of just their size: rows live on, and a
// slice that grew has up to twice the room.
func (s *State) encode(m wire.Message) []byte {
	s.scratch, _ = wire.Append(s.scratch[:0], m)
	return bytes.Clone(s.scratch)
}

func (s *State) saveClaim(a netip.Addr, c *claim) {
	key := append([]byte{tagClaim}, a.AsSlice()...)
	if c == nil {
		s.enterClaim(a, s.claims[a], -1)
		delete(s.claims, a)
		s.row(key, nil)
		return
	}
	s.enterClaim(a, *c, +1)
	s.claims[a] = *c
	s.row(key, wire.Encode(c))
}

func (s *State) saveShare(node string, h *share) {
	key := append([]byte{tagShare}, node...)
	if h == nil {
		delete(s.shares, node)
		s.row(key, nil)
		return
	}
	s.shares[node] = *h
	s.row(key, wire.Encode(h))
}

// Load gives the state that the rows of all results so far describe, later
// rows in place of earlier ones of the same key.
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
	for _, o := range s.objects {
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
		s.objects[o.ref] = (*object)(&o)
	case tagSeen:
		if len(key) != 8 || len(value) != 16 {
			return events.ErrMalformed
		}
		offset, id := events.Offset(binary.BigEndian.Uint64(key)), events.ID(value)
		s.seen[id], s.ids[offset] = offset, id
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
