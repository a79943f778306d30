package digest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// LaneBytes is the size of a stored Set.
const LaneBytes = 2048

// words is a Set's size in words of four lanes.
const words = LaneBytes / 8

// Set is an order-free hash of a set of byte strings: the sum, lane by lane
// modulo 2^16, of each string's expansion to LaneBytes (LtHash16, doc.go).
// The zero Set is empty.
//
// Invariant: a word holds four lanes, the first one lowest, as in Bytes.
type Set struct{ lanes [words]uint64 }

// key names an element: the hash of its bytes.
type key [sha256.Size]byte

// expander makes elements; its buffer is kept from one to the next.
type expander struct{ out [LaneBytes]byte }

var (
	zeros   [LaneBytes]byte
	counter [aes.BlockSize]byte // from 0: a key is used for one stream only
)

// expand gives the key stream of AES-256-CTR under k, valid until the next call.
//
// Each call leaves 1 KiB to the garbage collector: the standard library has no
// way to set a cipher's key anew. BLAKE2Xb needs none of it and takes four
// times as long.
func (x *expander) expand(k *key) *[LaneBytes]byte {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // only for keys of another size
	}
	cipher.NewCTR(block, counter[:]).XORKeyStream(x.out[:], zeros[:])
	return &x.out
}

// high are the top bits of a word's lanes. Without them four lanes are added
// as one number, since no carry can leave its lane; they themselves add as xor.
const high = 0x8000_8000_8000_8000

func (s *Set) add(e *[LaneBytes]byte) {
	for i := range s.lanes {
		a, b := s.lanes[i], binary.LittleEndian.Uint64(e[8*i:])
		s.lanes[i] = ((a &^ high) + (b &^ high)) ^ ((a ^ b) & high)
	}
}

func (s *Set) remove(e *[LaneBytes]byte) {
	for i := range s.lanes {
		a, b := s.lanes[i], binary.LittleEndian.Uint64(e[8*i:])
		s.lanes[i] = ((a | high) - (b &^ high)) ^ ((a ^ b ^ high) & high)
	}
}

// Bytes gives the LaneBytes from which SetOf makes the same Set.
func (s *Set) Bytes() []byte {
	b := make([]byte, 0, LaneBytes)
	for _, w := range s.lanes {
		b = binary.LittleEndian.AppendUint64(b, w)
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
		s.lanes[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s, nil
}

// Sum is the digest shown to people.
func (s *Set) Sum() [32]byte { return sha256.Sum256(s.Bytes()) }
