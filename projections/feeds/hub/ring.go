package hub

import (
	"cmp"
	"slices"

	"cairn/events"
)

// ringBytes bounds the changes kept for streams that are behind or come back.
const ringBytes = 4 << 20

// ring holds the last changes of the VIPs feed, encoded, for all streams: each
// has a place in it, and none a queue.
//
// Invariant: kept[i] is number first+i; they ascend by offset; the changes of
// all records after floor are in it.
type ring struct {
	kept  []batch
	first int64
	total int64 // bytes of all changes ever
	limit int64 // bytes kept
	floor events.Offset
	wake  chan struct{} // closed when there is more
}

// batch is what one record changed.
type batch struct {
	offset events.Offset
	before int64 // bytes of all changes before it
	frames []byte
}

func (r *ring) init(at events.Offset, limit int64) {
	r.floor, r.limit, r.wake = at, limit, make(chan struct{})
}

func (r *ring) end() int64 { return r.first + int64(len(r.kept)) }

// add takes what a record changed, drops the oldest beyond the limit, and
// wakes those who wait.
func (r *ring) add(o events.Offset, frames []byte) {
	r.kept = append(r.kept, batch{o, r.total, frames})
	r.total += int64(len(frames))
	drop := 0
	for ; r.total-r.kept[drop].before > r.limit && drop < len(r.kept)-1; drop++ {
		r.floor = r.kept[drop].offset
	}
	clear(r.kept[:drop]) // let go of what the shared array still holds
	r.kept, r.first = r.kept[drop:], r.first+int64(drop)
	close(r.wake)
	r.wake = make(chan struct{})
}

// after gives the number of the first change after an offset; false where some
// of them are no longer kept.
func (r *ring) after(o events.Offset) (int64, bool) {
	if o < r.floor {
		return 0, false
	}
	i, _ := slices.BinarySearchFunc(r.kept, o+1, func(b batch, o events.Offset) int { return cmp.Compare(b.offset, o) })
	return r.first + int64(i), true
}

// read gives the changes from a number on, about as many bytes as the limit,
// and where to go on; false where they are no longer kept.
func (r *ring) read(from int64, limit int) (frames [][]byte, next int64, ok bool) {
	if from < r.first {
		return nil, from, false
	}
	for next = from; next < r.end() && limit > 0; next++ {
		b := r.kept[next-r.first].frames
		frames = append(frames, b)
		limit -= len(b)
	}
	return frames, next, true
}

// since sums the bytes of the changes from a number on, which must be kept.
func (r *ring) since(number int64) int64 {
	if number == r.end() {
		return 0
	}
	return r.total - r.kept[number-r.first].before
}
