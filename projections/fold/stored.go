package fold

import (
	"google.golang.org/protobuf/encoding/protowire"

	"cairn/events"
	"cairn/events/wire"
)

// Stored is a live object as a view has it.
type Stored struct {
	Ref                        events.Ref
	UID                        string
	Revision, Written, Created events.Revision
	Facts, Projected           []byte // canonical encodings, which may be empty; nil: none
}

// ObjectRow appends the value of an object's row to b, and gives the row.
func ObjectRow(b []byte, o *Stored) Row {
	head := objectRow{ref: o.Ref, uid: o.UID, revision: o.Revision, written: o.Written, created: o.Created}
	b = append(b, wire.Encode(&head)...)
	for num, column := range [...][]byte{o.Facts, o.Projected} {
		if column != nil {
			b = protowire.AppendBytes(protowire.AppendTag(b, protowire.Number(6+num), protowire.BytesType), column)
		}
	}
	return Row{Key: objectKey(o.Ref), Value: b}
}

// IDRow gives the row of a record's id, for those that Remembers names.
func IDRow(o events.Offset, id events.ID) Row { return Row{Key: seenKey(o), Value: id[:]} }

// Remembers reports whether the fold keeps the id of r's record for W records.
func Remembers(r *Result) bool {
	switch r.Outcome.Code {
	case Malformed, Expired, Duplicate:
		return false
	}
	return r.Event != nil
}
