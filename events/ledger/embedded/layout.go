package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"cairn/events"
)

// The numbers here are frozen for ever; another layout gets another format
// number.
const (
	formatNumber  = 1
	segmentMagic  = "CAIRNSEG"
	headerBytes   = 72
	batchHeader   = 20
	maxBatchBytes = 64 << 20 // sanity bound when reading; writers stay far below
	noPrevious    = math.MaxUint64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type ledgerID [16]byte

// header is the start of a segment file.
type header struct {
	id        ledgerID
	first     events.Offset
	floor     int64  // ledger time of the last record before, Unix nanoseconds
	prevFirst uint64 // first offset of the segment before, noPrevious in the first
	prevBytes uint64 // its valid bytes
}

func (h header) encode() []byte {
	b := make([]byte, 0, headerBytes)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatNumber)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, h.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.first))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.floor))
	b = binary.LittleEndian.AppendUint64(b, h.prevFirst)
	b = binary.LittleEndian.AppendUint64(b, h.prevBytes)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return binary.LittleEndian.AppendUint32(b, 0)
}

// decodeHeader returns the header in b, or what is wrong with it. newer > 0 says
// that it is a sound header of a format that this program does not know.
func decodeHeader(b []byte) (h header, newer int, wrong string) {
	if len(b) < headerBytes || string(b[:8]) != segmentMagic {
		return h, 0, "no segment header"
	}
	if n := binary.LittleEndian.Uint32(b[8:]); n > formatNumber {
		return h, int(n), "newer format"
	}
	if crc32.Checksum(b[:64], castagnoli) != binary.LittleEndian.Uint32(b[64:]) {
		return h, 0, "the segment header's checksum is wrong"
	}
	copy(h.id[:], b[16:32])
	h.first = events.Offset(binary.LittleEndian.Uint64(b[32:]))
	h.floor = int64(binary.LittleEndian.Uint64(b[40:]))
	h.prevFirst = binary.LittleEndian.Uint64(b[48:])
	h.prevBytes = binary.LittleEndian.Uint64(b[56:])
	return h, 0, ""
}

// salt is where the checksums of a segment's batches start from.
func salt(id ledgerID, first events.Offset) uint32 {
	b := binary.LittleEndian.AppendUint64(id[:], uint64(first))
	return crc32.Checksum(b, castagnoli)
}

// openBatch begins a batch in b, closeBatch ends it.
func openBatch(b []byte) []byte { return append(b, make([]byte, batchHeader)...) }

func addRecord(b, record []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(record)))
	return append(b, record...)
}

func closeBatch(b []byte, salt, rel uint32, time int64) {
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-batchHeader))
	binary.LittleEndian.PutUint32(b[8:], rel)
	binary.LittleEndian.PutUint64(b[12:], uint64(time))
	binary.LittleEndian.PutUint32(b, crc32.Update(salt, castagnoli, b[4:]))
}

// batch is one group commit as read back. payload points into the reader's
// buffer.
type batch struct {
	at      int64 // byte position in the segment
	rel     uint32
	records uint32
	time    int64
	payload []byte
}

func (b batch) bytes() int64 { return int64(batchHeader + len(b.payload)) }

// decodeBatch checks the whole batch in b, which holds no more than it.
func decodeBatch(b []byte, salt, rel uint32) (batch, string) {
	if crc32.Update(salt, castagnoli, b[4:]) != binary.LittleEndian.Uint32(b) {
		return batch{}, "a batch's checksum is wrong"
	}
	out := batch{
		rel:     binary.LittleEndian.Uint32(b[8:]),
		time:    int64(binary.LittleEndian.Uint64(b[12:])),
		payload: b[batchHeader:],
	}
	if out.rel != rel {
		return batch{}, fmt.Sprintf("a batch says it begins at record %d of the segment, it must be %d", out.rel, rel)
	}
	for p := out.payload; len(p) > 0; {
		n, k := binary.Uvarint(p)
		if k <= 0 || n > uint64(len(p)-k) {
			return batch{}, "a record's length is wrong"
		}
		p = p[k+int(n):]
		out.records++
	}
	return out, ""
}

// each calls f for every record of the batch.
func (b batch) each(f func(rel uint32, data []byte)) {
	rel := b.rel
	for p := b.payload; len(p) > 0; rel++ {
		n, k := binary.Uvarint(p)
		end := k + int(n)
		f(rel, p[k:end:end])
		p = p[end:]
	}
}

// holdsBatch reports whether a sound batch starts anywhere in b. rel is the
// least record number it may begin with. See DESIGN.md, why the tail is safe.
func holdsBatch(b []byte, salt, rel uint32) bool {
	for i := 0; i+batchHeader < len(b); i++ {
		n := int64(binary.LittleEndian.Uint32(b[i+4:]))
		if n == 0 || n > int64(len(b)-i-batchHeader) {
			continue
		}
		if r := binary.LittleEndian.Uint32(b[i+8:]); r < rel || r-rel > 1<<20 {
			continue
		}
		whole := b[i : i+batchHeader+int(n)]
		if crc32.Update(salt, castagnoli, whole[4:]) == binary.LittleEndian.Uint32(whole) {
			return true
		}
	}
	return false
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
