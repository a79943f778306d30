package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Kafka's record batch, version 2 (KIP-98), big endian:
//
//	base offset i64 | length i32 | leader epoch i32 | magic i8 | crc u32 |
//	attributes i16 | last offset delta i32 | base time i64 | max time i64 |
//	producer i64 | producer epoch i16 | sequence i32 | records i32 | records
//
// The CRC-32C covers what follows it; the broker fills in the rest without
// touching it.
const (
	batchOverhead  = 61
	recordOverhead = 21 // at most, without key
	lengthPrefix   = 12 // base offset and length

	attrCompression = 0x07
	attrAppendTime  = 0x08
	attrControl     = 0x20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is one record of a batch.
type entry struct {
	offset     int64
	time       int64 // Unix milliseconds
	key, value []byte
}

// encodeBatch appends a batch of the entries' keys and values, stamped with
// now, in Unix milliseconds.
func encodeBatch(b []byte, entries []entry, now int64) []byte {
	start := len(b)
	b = append(b, make([]byte, batchOverhead)...)
	h := b[start:]
	binary.BigEndian.PutUint32(h[12:], ^uint32(0))
	h[16] = 2
	binary.BigEndian.PutUint32(h[23:], uint32(len(entries)-1))
	binary.BigEndian.PutUint64(h[27:], uint64(now))
	binary.BigEndian.PutUint64(h[35:], uint64(now))
	binary.BigEndian.PutUint64(h[43:], ^uint64(0)) // no producer id, epoch or sequence:
	binary.BigEndian.PutUint16(h[51:], ^uint16(0)) // duplicates are the fold's affair
	binary.BigEndian.PutUint32(h[53:], ^uint32(0))
	binary.BigEndian.PutUint32(h[57:], uint32(len(entries)))
	for i, e := range entries {
		b = encodeRecord(b, int64(i), e)
	}
	h = b[start:]
	binary.BigEndian.PutUint32(h[8:], uint32(len(h)-lengthPrefix))
	binary.BigEndian.PutUint32(h[17:], crc32.Checksum(h[21:], castagnoli))
	return b
}

func encodeRecord(b []byte, delta int64, e entry) []byte {
	var head [2 * binary.MaxVarintLen64]byte
	r := append(head[:0], 0, 0) // attributes, time delta
	r = binary.AppendVarint(r, delta)
	size := len(r) + sizeOf(e.key) + sizeOf(e.value) + 1
	b = binary.AppendVarint(b, int64(size))
	b = append(b, r...)
	b = appendBytes(b, e.key)
	b = appendBytes(b, e.value)
	return append(b, 0) // headers
}

func sizeOf(v []byte) int {
	if v == nil {
		return 1
	}
	return len(binary.AppendVarint(nil, int64(len(v)))) + len(v)
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(len(v)))
	return append(b, v...)
}

// batchHead is what a batch says of itself, checksum proved.
type batchHead struct {
	base, last int64 // offsets of the first and last record it had when written
	attributes int16
	baseTime   int64
	maxTime    int64
	count      int32
	records    []byte
}

// nextBatch splits the first whole batch off b. A batch cut by the response's
// size limit, as Kafka sends at the end, gives ok false and no fault.
func nextBatch(b []byte) (h batchHead, rest []byte, ok bool, wrong string) {
	if len(b) < batchOverhead {
		return h, nil, false, ""
	}
	h.base = int64(binary.BigEndian.Uint64(b))
	size := int64(binary.BigEndian.Uint32(b[8:])) + lengthPrefix
	if size < batchOverhead {
		return h, nil, false, fmt.Sprintf("a batch of %d bytes", size)
	}
	if size > int64(len(b)) {
		return h, nil, false, ""
	}
	b, rest = b[:size], b[size:]
	if b[16] != 2 {
		return h, nil, false, fmt.Sprintf("a batch of version %d, only 2 is known", b[16])
	}
	if crc32.Checksum(b[21:], castagnoli) != binary.BigEndian.Uint32(b[17:]) {
		return h, nil, false, "a batch's checksum is wrong"
	}
	h.attributes = int16(binary.BigEndian.Uint16(b[21:]))
	h.last = h.base + int64(int32(binary.BigEndian.Uint32(b[23:])))
	h.baseTime = int64(binary.BigEndian.Uint64(b[27:]))
	h.maxTime = int64(binary.BigEndian.Uint64(b[35:]))
	h.count = int32(binary.BigEndian.Uint32(b[57:]))
	h.records = b[batchOverhead:]
	if h.attributes&attrCompression != 0 {
		return h, nil, false, "a compressed batch: nobody but Cairn may write here, and it compresses nothing"
	}
	return h, rest, true, ""
}

// each calls f for the batch's records in order; it returns what is wrong with
// them, or "".
func (h batchHead) each(f func(entry)) string {
	r := reader{b: h.records}
	for range h.count {
		size := r.varint()
		if r.bad || size < 0 || size > int64(len(r.b)) {
			return "a record's length is wrong"
		}
		one := reader{b: r.b[:size]}
		r.b = r.b[size:]
		one.skip(1) // attributes
		e := entry{time: h.baseTime + one.varint()}
		e.offset = h.base + one.varint()
		if h.attributes&attrAppendTime != 0 {
			e.time = h.maxTime
		}
		e.key = one.varbytes()
		e.value = one.varbytes()
		if one.bad {
			return "a record does not parse"
		}
		f(e)
	}
	if len(r.b) != 0 {
		return "bytes follow the last record"
	}
	return ""
}
