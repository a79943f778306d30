package events

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"cairn/events/wire"
)

// A frame is magic (3 bytes "CRN"), format number (1 byte), payload length
// (4 bytes, big endian), CRC-32C of the payload (4 bytes, big endian), payload.
// Frozen for ever: another format gets another number.
const (
	frameMagic  = "CRN"
	frameFormat = 1
	frameHeader = 12
)

// frameRest is about what a frame holds beside bodies.
const frameRest = 640

// ErrMalformed is wrapped by every error about bytes that are no canonical record.
var ErrMalformed = wire.ErrMalformed

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendFrame appends e's frame to b.
func AppendFrame(b []byte, e *Event) []byte {
	start, bodies := len(b), 0
	for i := range e.Parts {
		bodies += len(e.Parts[i].Data)
	}
	b = slices.Grow(b, bodies+frameRest)
	b = append(b, frameMagic...)
	b = append(b, frameFormat, 0, 0, 0, 0, 0, 0, 0, 0)
	b, _ = wire.Append(b, e)
	payload := b[start+frameHeader:]
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(payload)))
	binary.BigEndian.PutUint32(b[start+8:], crc32.Checksum(payload, castagnoli))
	return b
}

// ReadFrame reads the event in a whole frame. The event keeps slices of b.
// Every error wraps ErrMalformed: the driver's checksum held, so these are the
// writer's own bytes, and the fold refuses them alike everywhere.
func ReadFrame(b []byte) (*Event, error) {
	if len(b) < frameHeader || string(b[:3]) != frameMagic {
		return nil, fmt.Errorf("%w: no frame", ErrMalformed)
	}
	if b[3] != frameFormat {
		return nil, fmt.Errorf("%w: frame format %d, known is %d", ErrMalformed, b[3], frameFormat)
	}
	payload := b[frameHeader:]
	if n := binary.BigEndian.Uint32(b[4:]); uint64(n) != uint64(len(payload)) {
		return nil, fmt.Errorf("%w: frame says %d bytes, has %d", ErrMalformed, n, len(payload))
	}
	if binary.BigEndian.Uint32(b[8:]) != crc32.Checksum(payload, castagnoli) {
		return nil, fmt.Errorf("%w: frame checksum", ErrMalformed)
	}
	e := new(Event)
	needs, err := wire.DecodeNeeds(payload, e)
	if err != nil {
		return nil, err
	}
	e.needs = Gate(needs)
	return e, nil
}
