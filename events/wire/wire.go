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
//
// Every field belongs to a gate: those listed after Since(g) to g, until the
// message ends. Needs is the highest gate of the fields that were present: who
// reads with a lower one must take the whole for malformed.
type Codec struct {
	buf     []byte // written so far, or still to be read
	reading bool
	gate    uint64 // of the field listed next
	needs   uint64
	err     error
}

// Number is a field number.
type Number = protowire.Number

// Message is what a Codec writes and reads.
type Message interface{ Fields(*Codec) }

// Encode gives a message's canonical bytes.
func Encode(m Message) []byte {
	b, _ := Append(nil, m)
	return b
}

// Append appends a message's canonical bytes to b, and gives the gate that it needs.
func Append(b []byte, m Message) (bytes []byte, needs uint64) {
	w := Codec{buf: b}
	m.Fields(&w)
	return w.buf, w.needs
}

// Decode reads b into an empty message. Errors wrap ErrMalformed.
func Decode(b []byte, m Message) error {
	_, err := DecodeNeeds(b, m)
	return err
}

// DecodeNeeds is Decode, and gives the gate that the message needs.
func DecodeNeeds(b []byte, m Message) (needs uint64, err error) {
	w := Codec{buf: b, reading: true}
	w.message(m)
	return w.needs, w.err
}

// message reads a message that fills the buffer.
func (w *Codec) message(m Message) {
	m.Fields(w)
	if w.err == nil && len(w.buf) > 0 {
		num, _, _ := protowire.ConsumeTag(w.buf)
		w.Fail("field %d is unknown or out of order", num)
	}
}

// Since says that the fields listed from here on belong to gate g.
func (w *Codec) Since(g uint64) { w.gate = g }

// Fail makes the message malformed; the first reason stays.
func (w *Codec) Fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// next reports whether field num of type t comes next, and consumes its tag.
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
	w.needs = max(w.needs, w.gate)
	return true
}

// tag begins a field that is present.
func (w *Codec) tag(num protowire.Number, t protowire.Type) {
	w.buf = protowire.AppendTag(w.buf, num, t)
	w.needs = max(w.needs, w.gate)
}

// nested writes a message as a field, in place: its length is known only
// afterwards, and mostly takes the one byte that was left for it.
func (w *Codec) nested(num protowire.Number, m Message) {
	gate := w.gate
	w.tag(num, protowire.BytesType)
	at := len(w.buf)
	w.buf = append(w.buf, 0)
	w.gate = 0
	m.Fields(w)
	w.gate = gate
	n := len(w.buf) - at - 1
	if more := protowire.SizeVarint(uint64(n)) - 1; more > 0 {
		w.buf = append(w.buf, make([]byte, more)...)
		copy(w.buf[at+1+more:], w.buf[at+1:at+1+n])
	}
	protowire.AppendVarint(w.buf[:at], uint64(n))
}

// read reads a nested message from b.
func (w *Codec) read(b []byte, m Message) {
	if w.err != nil {
		return
	}
	rest, gate := w.buf, w.gate
	w.buf, w.gate = b, 0
	w.message(m)
	w.buf, w.gate = rest, gate
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
			w.tag(num, protowire.VarintType)
			w.buf = protowire.AppendVarint(w.buf, *p)
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
			w.tag(num, protowire.BytesType)
			w.buf = protowire.AppendBytes(w.buf, *p)
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
			w.tag(num, protowire.BytesType)
			w.buf = protowire.AppendString(w.buf, *p)
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
			w.tag(num, protowire.BytesType)
			w.buf = protowire.AppendString(w.buf, s)
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
			w.tag(num, protowire.VarintType)
			w.buf = protowire.AppendVarint(w.buf, uint64(o))
		}
		return
	}
	for w.next(num, protowire.VarintType) {
		*p = append(*p, T(w.varint(num)))
	}
}

// Reading reports whether the codec reads; a field that needs a conversion of
// its own asks.
func (w *Codec) Reading() bool { return w.reading }

// Inline writes a message by value; an empty one is left out.
func Inline[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p P) {
	if !w.reading {
		at, needs := len(w.buf), w.needs
		w.nested(num, p)
		if len(w.buf) == at+protowire.SizeTag(num)+1 {
			w.buf, w.needs = w.buf[:at], needs
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		b := w.chunk(num)
		if w.err == nil && len(b) == 0 {
			w.Fail("field %d: a default is written", num)
		}
		w.read(b, p)
	}
}

// Optional writes a message that may be absent; present and empty is written.
func Optional[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p *P) {
	if !w.reading {
		if *p != nil {
			w.nested(num, *p)
		}
		return
	}
	if w.next(num, protowire.BytesType) {
		*p = new(T)
		w.read(w.chunk(num), *p)
	}
}

// Repeated writes one field per element.
func Repeated[T any, P interface {
	*T
	Message
}](w *Codec, num protowire.Number, p *[]T) {
	if !w.reading {
		for i := range *p {
			w.nested(num, P(&(*p)[i]))
		}
		return
	}
	for w.next(num, protowire.BytesType) {
		var v T
		w.read(w.chunk(num), P(&v))
		*p = append(*p, v)
	}
}

// Numbers writes one field per element, each in a message of its own: an
// element may be zero.
func Numbers(w *Codec, num protowire.Number, p *[]uint64) {
	if !w.reading {
		for _, v := range *p {
			w.nested(num, &number{v})
		}
		return
	}
	for w.next(num, protowire.BytesType) {
		var n number
		w.read(w.chunk(num), &n)
		*p = append(*p, n.v)
	}
}

type number struct{ v uint64 }

func (n *number) Fields(w *Codec) { w.Uint(1, &n.v) }
