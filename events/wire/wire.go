package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is wrapped by every error about bytes that are no canonical message.
var ErrMalformed = errors.New("malformed")

// Codec writes or reads one message in protobuf's wire format. A message lists
// its fields once, in ascending order, in its method Fields; the same list
// writes and reads.
//
// Invariant: what it reads without error, it writes back as the same bytes.
// So fields must ascend, varints must be minimal, defaults must be left out,
// and no field may be unknown.
type Codec struct {
	buf     []byte // written so far, or still to be read
	reading bool
	err     error
}

// Number is a field number.
type Number = protowire.Number

// Message is what a Codec writes and reads.
type Message interface{ Fields(*Codec) }

// Encode gives a message's canonical bytes.
func Encode(m Message) []byte {
	w := Codec{}
	m.Fields(&w)
	return w.buf
}

// Decode reads b into an empty message. Errors wrap ErrMalformed.
func Decode(b []byte, m Message) error {
	w := Codec{buf: b, reading: true}
	m.Fields(&w)
	if w.err == nil && len(w.buf) > 0 {
		num, _, _ := protowire.ConsumeTag(w.buf)
		w.Fail("field %d is unknown or out of order", num)
	}
	return w.err
}

// Fail makes the message malformed; the first reason stays.
func (w *Codec) Fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// next tells whether field num of type t comes next, and consumes its tag.
func (w *Codec) next(num protowire.Number, t protowire.Type) bool {
	if w.err != nil || len(w.buf) == 0 {
		return false
	}
	n, typ, size := protowire.ConsumeTag(w.buf)
	if size < 0 {
		w.Fail("bad tag")
		return false
	}
	if n != num {
		return false
	}
	if typ != t || size != protowire.SizeTag(num) {
		w.Fail("field %d has the wrong wire type", num)
		return false
	}
	w.buf = w.buf[size:]
	return true
}

func (w *Codec) varint(num protowire.Number) uint64 {
	v, size := protowire.ConsumeVarint(w.buf)
	if size < 0 || size != protowire.SizeVarint(v) {
		w.Fail("field %d: bad varint", num)
		return 0
	}
	w.buf = w.buf[size:]
	return v
}

// Uint writes an unsigned number; the default is left out.
func (w *Codec) Uint(num protowire.Number, p *uint64) {
	if !w.reading {
		if *p != 0 {
			w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, num, protowire.VarintType), *p)
		}
		return
	}
	if w.next(num, protowire.VarintType) {
		if *p = w.varint(num); *p == 0 {
			w.Fail("field %d: a default is written", num)
		}
	}
}

// Int writes signed numbers zigzag, so that small negative ones stay small.
func (w *Codec) Int(num protowire.Number, p *int64) {
	v := protowire.EncodeZigZag(*p)
	w.Uint(num, &v)
	if w.reading { // what is only written may be shared
		*p = protowire.DecodeZigZag(v)
	}
}

// Bool writes a truth value; the default is left out.
func (w *Codec) Bool(num protowire.Number, p *bool) {
	v := protowire.EncodeBool(*p)
	w.Uint(num, &v)
	if v > 1 {
		w.Fail("field %d: bool is %d", num, v)
	}
	if w.reading {
		*p = v == 1
	}
}

// Bytes writes bytes; the default is left out.
func (w *Codec) Bytes(num protowire.Number, p *[]byte) {
	if !w.reading {
		if len(*p) > 0 {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), *p)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		if *p = w.chunk(num); len(*p) == 0 {
			w.Fail("field %d: a default is written", num)
		}
	}
}

func (w *Codec) chunk(num protowire.Number) []byte {
	n := w.varint(num)
	if w.err != nil || n > uint64(len(w.buf)) {
		w.Fail("field %d: too short", num)
		return nil
	}
	b := w.buf[:n:n]
	w.buf = w.buf[n:]
	return b
}

// Str writes text; the default is left out.
func (w *Codec) Str(num protowire.Number, p *string) {
	if !w.reading {
		if *p != "" {
			w.buf = protowire.AppendString(protowire.AppendTag(w.buf, num, protowire.BytesType), *p)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		if *p = string(w.chunk(num)); *p == "" {
			w.Fail("field %d: a default is written", num)
		}
	}
}

// Strs writes one field per element; an element may be empty.
func (w *Codec) Strs(num protowire.Number, p *[]string) {
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

// Integers writes one field per element; none is negative.
func Integers[T ~int64](w *Codec, num protowire.Number, p *[]T) {
	if !w.reading {
		for _, o := range *p {
			w.buf = protowire.AppendVarint(protowire.AppendTag(w.buf, num, protowire.VarintType), uint64(o))
		}
		return
	}
	for w.next(num, protowire.VarintType) {
		*p = append(*p, T(w.varint(num)))
	}
}

// Reading tells whether the codec reads; a field that needs a conversion of
// its own asks.
func (w *Codec) Reading() bool { return w.reading }

// Inline writes a message by value; an empty one is left out.
func Inline[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p P) {
	if !w.reading {
		if b := Encode(p); len(b) > 0 {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), b)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		b := w.chunk(num)
		if w.err == nil && len(b) == 0 {
			w.Fail("field %d: a default is written", num)
		}
		if w.err == nil {
			w.err = Decode(b, p)
		}
	}
}

// Optional writes a message that may be absent; present and empty is written.
func Optional[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p *P) {
	if !w.reading {
		if *p != nil {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), Encode(*p))
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		*p = new(T)
		if b := w.chunk(num); w.err == nil {
			w.err = Decode(b, *p)
		}
	}
}

// Repeated writes one field per element.
func Repeated[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p *[]T) {
	if !w.reading {
		for i := range *p {
			w.buf = protowire.AppendBytes(protowire.AppendTag(w.buf, num, protowire.BytesType), Encode(P(&(*p)[i])))
		}
		return
	}
	for w.next(num, protowire.BytesType) {
		var v T
		if b := w.chunk(num); w.err == nil {
			w.err = Decode(b, P(&v))
		}
		*p = append(*p, v)
	}
}
