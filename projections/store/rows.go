package store

import (
	"encoding/binary"
	"fmt"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/digest"
	"cairn/projections/fold"
	"cairn/projections/view"
)

const columns = digest.Status + 1

// head is an object without its bodies: what the now space holds, and what
// begins every version.
//
// Invariant: at[c] is the revision of the version that holds column c; 0: none.
type head struct {
	uid                        string
	revision, written, created events.Revision
	deleted                    bool
	at                         [columns]events.Revision
}

// Fields lists h's fields; numbers are frozen within a store format.
func (h *head) Fields(w *wire.Codec) {
	w.Str(1, &h.uid)
	w.Uint(2, (*uint64)(&h.revision))
	w.Uint(3, (*uint64)(&h.written))
	w.Uint(4, (*uint64)(&h.created))
	w.Bool(5, &h.deleted)
	for c := range h.at {
		w.Uint(wire.Number(6+c), (*uint64)(&h.at[c]))
	}
}

// appendChunk and cutChunk write and read a length and so many bytes.
func appendChunk(b, chunk []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(chunk))), chunk...)
}

func cutChunk(b []byte) (chunk, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n:n], b[n:], true
}

// encodeVersion writes a head and the bodies of the columns it holds itself.
func encodeVersion(h *head, cols *digest.Columns) []byte {
	b := appendChunk(nil, wire.Encode(h))
	for c := range h.at {
		if h.at[c] == h.revision && !h.deleted {
			b = appendChunk(b, cols[c].Bytes)
		}
	}
	return b
}

// version is a decoded row of the versions space: a head, and of the columns
// those that changed with it. It is shared: never change one.
type version struct {
	head
	facts        *events.Facts
	projected    *fold.Projected
	spec, status *events.Part
	bytes        int // of the row
}

func decodeVersion(b []byte) (*version, error) {
	v := &version{bytes: len(b)}
	h, rest, ok := cutChunk(b)
	if !ok {
		return nil, fmt.Errorf("store: a version without a head: %w", events.ErrMalformed)
	}
	if err := wire.Decode(h, &v.head); err != nil {
		return nil, err
	}
	for c := range v.at {
		if v.at[c] != v.revision || v.deleted {
			continue
		}
		var body []byte
		if body, rest, ok = cutChunk(rest); !ok {
			return nil, fmt.Errorf("store: a version without its column %d: %w", c, events.ErrMalformed)
		}
		if err := v.decode(c, body); err != nil {
			return nil, fmt.Errorf("store: column %d: %w", c, err)
		}
	}
	return v, nil
}

func (v *version) decode(c int, body []byte) (err error) {
	switch c {
	case digest.Facts:
		v.facts, err = events.DecodeFacts(body)
	case digest.Projected:
		v.projected, err = fold.DecodeProjected(body)
	case digest.Spec:
		v.spec = new(events.Part)
		err = wire.Decode(body, v.spec)
	case digest.Status:
		v.status = new(events.Part)
		err = wire.Decode(body, v.status)
	}
	return err
}

// give puts v's column c into o.
func (v *version) give(o *view.Object, c int) {
	switch c {
	case digest.Facts:
		o.Facts = v.facts
	case digest.Projected:
		o.Projected = v.projected
	case digest.Spec:
		o.Spec = v.spec
	case digest.Status:
		o.Status = v.status
	}
}

// record is a view.Record as stored, with the hash of the ledger's own bytes.
type record struct {
	view.Record
	leaf    []byte
	changed []events.Ref
}

// Fields lists r's fields; numbers are frozen within a store format.
func (r *record) Fields(w *wire.Codec) {
	w.Int(1, &r.Time)
	w.Str(2, (*string)(&r.Type))
	wire.Inline(w, 3, &r.Subject)
	w.Str(4, &r.Actor)
	size, code, first := uint64(r.Bytes), uint64(r.Outcome.Code), int64(r.Outcome.DuplicateOf)
	w.Uint(5, &size)
	w.Uint(6, &code)
	r.Bytes, r.Outcome.Code = int(size), fold.Code(code)
	w.Str(7, &r.Outcome.Reason)
	w.Str(8, &r.Outcome.Field)
	w.Int(9, &first)
	r.Outcome.DuplicateOf = events.Offset(first)
	wire.Repeated(w, 10, &r.changed)
	w.Bytes(11, &r.leaf)
}
