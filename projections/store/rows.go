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

const columns = digest.Count

// head is an object without its bodies: it begins a live object's row, and
// every version.
//
// Invariant: at[c] is the revision of the version that holds column c; 0: none.
type head struct {
	uid                        string
	revision, written, created events.Revision
	deleted                    bool
	at                         [columns]events.Revision
}

// append writes h: uid, revision, flags (deleted, then a bit for each column
// there is), and how far back the other revisions lie.
func (h *head) append(b []byte) []byte {
	b = appendChunk(b, h.uid)
	b = binary.AppendUvarint(b, uint64(h.revision))
	var flags byte
	if h.deleted {
		flags = 1
	}
	for c := range h.at {
		if h.at[c] != 0 {
			flags |= 2 << c
		}
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(h.revision-h.written))
	b = binary.AppendUvarint(b, uint64(h.revision-h.created))
	for c := range h.at {
		if h.at[c] != 0 {
			b = binary.AppendUvarint(b, uint64(h.revision-h.at[c]))
		}
	}
	return b
}

func (h *head) read(r *reader) {
	h.uid = r.text()
	h.revision = events.Revision(r.number())
	flags := r.flags()
	h.deleted = flags&1 != 0
	h.written = h.revision - events.Revision(r.number())
	h.created = h.revision - events.Revision(r.number())
	for c := range h.at {
		if h.at[c] = 0; flags&(2<<c) != 0 {
			h.at[c] = h.revision - events.Revision(r.number())
		}
	}
}

func headOf(c *fold.Change, cols *digest.Columns) head {
	h := head{uid: c.UID, revision: c.Revision, written: c.Written, created: c.Created, deleted: c.Deleted}
	for k := range h.at {
		h.at[k] = cols.Column[k].At
	}
	return h
}

// appendLive writes a live object's row: its head, the hashes of the columns
// that stay on disk, and the columns that the fold has in memory. So a start
// reads nothing but these rows.
func appendLive(b []byte, h *head, c *fold.Change, cols *digest.Columns) []byte {
	b = h.append(b)
	if h.at[digest.Spec] != 0 {
		b = append(b, cols.Column[digest.Spec].Hash[:]...)
	}
	if h.at[digest.Status] != 0 {
		b = append(b, cols.Column[digest.Status].Hash[:]...)
	}
	if col := &cols.Column[digest.Facts]; col.Effect == digest.Changed {
		b = appendChunk(b, col.Bytes)
	} else if h.at[digest.Facts] != 0 {
		b = appendChunk(b, events.EncodeFacts(c.Facts))
	}
	if col := &cols.Column[digest.Projected]; col.Effect == digest.Changed {
		b = appendChunk(b, col.Bytes)
	} else if h.at[digest.Projected] != 0 {
		b = appendChunk(b, fold.EncodeProjected(c.Projected))
	}
	return b
}

// live is a live object's row, read.
type live struct {
	head
	spec, status     [32]byte // hashes
	facts, projected []byte   // nil: none; they belong to the row
}

func (l *live) read(r *reader) {
	*l = live{}
	l.head.read(r)
	if l.at[digest.Spec] != 0 {
		l.spec = r.hash()
	}
	if l.at[digest.Status] != 0 {
		l.status = r.hash()
	}
	if l.at[digest.Facts] != 0 {
		l.facts = r.chunk()
	}
	if l.at[digest.Projected] != 0 {
		l.projected = r.chunk()
	}
}

// parse reads the row of ref.
func (l *live) parse(ref events.Ref, row []byte) error {
	r := &reader{b: row}
	l.read(r)
	return r.err("the row of %s", ref)
}

// take puts a column's bytes, or their hash, into the row.
func (l *live) take(column int, b []byte) {
	switch column {
	case digest.Facts:
		l.facts = b
	case digest.Projected:
		l.projected = b
	case digest.Spec:
		l.spec = digest.HashOf(b)
	case digest.Status:
		l.status = digest.HashOf(b)
	}
}

// appendVersion writes a head and the bodies of the columns it holds itself.
func appendVersion(b []byte, h *head, cols *digest.Columns) []byte {
	b = h.append(b)
	for c := range h.at {
		if h.at[c] == h.revision && !h.deleted {
			b = appendChunk(b, cols.Column[c].Bytes)
		}
	}
	return b
}

// bodies is a version as it is stored: a head, and the bytes of the columns
// that changed with it, which belong to the row.
type bodies struct {
	head
	column [columns][]byte
}

func readBodies(row []byte) (*bodies, error) {
	v := new(bodies)
	return v, v.read(row)
}

func (v *bodies) read(row []byte) error {
	r := reader{b: row}
	*v = bodies{}
	v.head.read(&r)
	for c := range v.at {
		if v.at[c] == v.revision && !v.deleted {
			v.column[c] = r.chunk()
		}
	}
	if r.short {
		return r.err("a version of %s", v.uid)
	}
	return nil
}

// version is a decoded row of the versions space. It is shared: never change one.
type version struct {
	head
	facts        *events.Facts
	projected    *fold.Projected
	spec, status *events.Part
	event        *view.Event // of kind events alone
	bytes        int         // of the row
}

func decodeVersion(kind string, row []byte) (*version, error) {
	if kind == events.Events {
		r := &reader{b: row}
		v := &version{bytes: len(row)}
		v.head.read(r)
		var err error
		v.event, err = readEvent(r.b)
		return v, err
	}
	b, err := readBodies(row)
	if err != nil {
		return nil, err
	}
	v := &version{head: b.head, bytes: len(row)}
	for c, body := range b.column {
		if v.at[c] != v.revision || v.deleted {
			continue
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
