package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/blake2b"
)

// LaneBytes is the size of a stored Set.
const LaneBytes = 2048

// Set is an order-free hash of a set of byte strings: the sum, lane by lane
// modulo 2^16, of each string's 2048-byte BLAKE2Xb output (LtHash16).
// The zero Set is empty.
type Set struct{ lanes [LaneBytes / 2]uint16 }

// hasher makes elements; its buffers are kept from one to the next.
type hasher struct {
	xof blake2b.XOF
	out [LaneBytes]byte
}

func (h *hasher) expand(element []byte) *[LaneBytes]byte {
	if h.xof == nil {
		xof, err := blake2b.NewXOF(LaneBytes, nil)
		if err != nil {
			panic(err) // only for sizes and keys out of range
		}
		h.xof = xof
	}
	h.xof.Reset()
	h.xof.Write(element)
	if _, err := h.xof.Read(h.out[:]); err != nil {
		panic(err) // only past LaneBytes
	}
	return &h.out
}

func (s *Set) add(e *[LaneBytes]byte) {
	for i := range s.lanes {
		s.lanes[i] += binary.LittleEndian.Uint16(e[2*i:])
	}
}

func (s *Set) remove(e *[LaneBytes]byte) {
	for i := range s.lanes {
		s.lanes[i] -= binary.LittleEndian.Uint16(e[2*i:])
	}
}

// Bytes gives the LaneBytes from which SetOf makes the same Set.
func (s *Set) Bytes() []byte {
	b := make([]byte, 0, LaneBytes)
	for _, l := range s.lanes {
		b = binary.LittleEndian.AppendUint16(b, l)
	}
	return b
}

// SetOf reads a stored Set.
func SetOf(b []byte) (*Set, error) {
	if len(b) != LaneBytes {
		return nil, fmt.Errorf("digest: a set has %d bytes, not %d", LaneBytes, len(b))
	}
	s := new(Set)
	for i := range s.lanes {
		s.lanes[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return s, nil
}

// Sum is the digest shown to people.
func (s *Set) Sum() [32]byte { return sha256.Sum256(s.Bytes()) }
