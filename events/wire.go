package events

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is wrapped by every error about bytes that are no canonical message.
var ErrMalformed = errors.New("malformed")

// wire writes or reads one message in protobuf's wire format. A message lists
// its fields once, in ascending order, in its method fields; the same list
// writes and reads.
//
// Invariant: what it reads without error, it writes back as the same bytes.
// So fields must ascend, varints must be minimal, defaults must be left out,
// and no field may be unknown.
type wire struct {
	buf     []byte // written so far, or still to be read
	reading bool
	err     error
}

type message interface{ fields(*wire) }

func encode(m message) []byte {
	w := wire{}
	m.fields(&w)
	return w.buf
}

func decode(b []byte, m message) error {
	w := wire{buf: b, reading: true}
	m.fields(&w)
	if w.err == nil && len(w.buf) > 0 {
		num, _, _ := protowire.ConsumeTag(w.buf)
		w.fail("field %d is unknown or out of order", num)
	}
	return w.err
}

func (w *wire) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// next tells whether field num of type t comes next, and consumes its tag.
func (w *wire) next(num protowire.Number, t protowire.Type) bool {
	if w.err != nil || len(w.buf) == 0 {
		return false
	}
	n, typ, size := protowire.ConsumeTag(w.buf)
	if size < 0 {
		w.fail("bad tag")
		return false
	}
	if n != num {
		return false
	}
	if typ != t || size != protowire.SizeTag(num) {
		w.fail("field %d has the wrong wire type", num)
		return false
	}
	w.buf = w.buf[size:]
	return true
}

func (w *wire) varint(num protowire.Number) uint64 {
	v, size := protowire.ConsumeVarint(w.buf)
	if size < 0 || size != protowire.SizeVarint(v) {
		w.fail("field %d: bad varint", num)
		return 0
	}
	w.buf = w.buf[size:]
	return v
}

func (w *wire) uint(num protowire.Number, p *uint64) {
	if !w.reading {
		if *p != 0 {
			w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, num, protowire.VarintType), *p)
		}
		return
	}
	if w.next(num, protowire.VarintType) {
		if *p = w.varint(num); *p == 0 {
			w.fail("field %d: a default is written", num)
		}
	}
}

// int writes signed numbers zigzag, so that small negative ones stay small.
func (w *wire) int(num protowire.Number, p *int64) {
	v := protowire.EncodeZigZag(*p)
	w.uint(num, &v)
	*p = protowire.DecodeZigZag(v)
}

func (w *wire) bool(num protowire.Number, p *bool) {
	v := protowire.EncodeBool(*p)
	w.uint(num, &v)
	if v > 1 {
		w.fail("field %d: bool is %d", num, v)
	}
	*p = v == 1
}

func (w *wire) bytes(num protowire.Number, p *[]byte) {
	if !w.reading {
		if len(*p) > 0 {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), *p)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		if *p = w.chunk(num); len(*p) == 0 {
			w.fail("field %d: a default is written", num)
		}
	}
}

func (w *wire) chunk(num protowire.Number) []byte {
	n := w.varint(num)
	if w.err != nil || n > uint64(len(w.buf)) {
		w.fail("field %d: too short", num)
		return nil
	}
	b := w.buf[:n:n]
	w.buf = w.buf[n:]
	return b
}

func (w *wire) str(num protowire.Number, p *string) {
	if !w.reading {
		if *p != "" {
			w.buf = protowire.AppendString(protowire.AppendTag(w.buf, num, protowire.BytesType), *p)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		if *p = string(w.chunk(num)); *p == "" {
			w.fail("field %d: a default is written", num)
		}
	}
}

// strs writes one field per element; an element may be empty.
func (w *wire) strs(num protowire.Number, p *[]string) {
	if !w.reading {
		for _, s := range *p {
			w.buf = protowire.AppendString(protowire.AppendTag(w.buf, num, protowire.BytesType), s)
		}
		return
	}
	for w.next(num, protowire.BytesType) {
		*p = append(*p, string(w.chunk(num)))
	}
}

func (w *wire) offsets(num protowire.Number, p *[]Offset) {
	if !w.reading {
		for _, o := range *p {
			w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, num, protowire.VarintType), uint64(o))
		}
		return
	}
	for w.next(num, protowire.VarintType) {
		*p = append(*p, Offset(w.varint(num)))
	}
}

// inline writes a message by value; an empty one is left out.
func inline[T any, P interface {
	*T
	message
}](w *wire, num protowire.Number, p P) {
	if !w.reading {
		if b := encode(p); len(b) > 0 {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), b)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		b := w.chunk(num)
		if w.err == nil && len(b) == 0 {
			w.fail("field %d: a default is written", num)
		}
		if w.err == nil {
			w.err = decode(b, p)
		}
	}
}

// optional writes a message that may be absent; present and empty is written.
func optional[T any, P interface {
	*T
	message
}](w *wire, num protowire.Number, p *P) {
	if !w.reading {
		if *p != nil {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), encode(*p))
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		*p = new(T)
		if b := w.chunk(num); w.err == nil {
			w.err = decode(b, *p)
		}
	}
}

// repeated writes one field per element.
func repeated[T any, P interface {
	*T
	message
}](w *wire, num protowire.Number, p *[]T) {
	if !w.reading {
		for i := range *p {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), encode(P(&(*p)[i])))
		}
		return
	}
	for w.next(num, protowire.BytesType) {
		var v T
		if b := w.chunk(num); w.err == nil {
			w.err = decode(b, P(&v))
		}
		*p = append(*p, v)
	}
}
