package digest

import (
	"crypto/sha256"
	"encoding/binary"

	"cairn/events"
	"cairn/projections/fold"
)

// link gives the chain after r, from the chain before it. Strings and lists are
// preceded by their length, so no two results have the same bytes.
//
// Frozen: offset, code, reason, field, first delivery; then each change's ref,
// uid, revisions, whether it is gone, and the hashes of the columns it set.
func link(prev [32]byte, r *fold.Result, cols []Columns) [32]byte {
	b := make([]byte, 0, 256+len(cols)*256)
	b = append(b, prev[:]...)
	b = binary.AppendUvarint(b, uint64(r.Offset))
	b = append(b, byte(r.Outcome.Code))
	b = appendString(b, r.Outcome.Reason)
	b = appendString(b, r.Outcome.Field)
	b = binary.AppendVarint(b, int64(r.Outcome.DuplicateOf))
	b = binary.AppendUvarint(b, uint64(len(r.Changes)))
	for i := range r.Changes {
		c := &r.Changes[i]
		b = appendIdentity(b, c.Ref, c.UID, c.Revision, c.Written, c.Created)
		if c.Deleted {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		for k := range cols[i] {
			b = append(b, byte(cols[i][k].Effect))
			if cols[i][k].Effect == Changed {
				b = append(b, cols[i][k].Hash[:]...)
			}
		}
	}
	return sha256.Sum256(b)
}

func appendIdentity(b []byte, ref events.Ref, uid string, revision, written, created events.Revision) []byte {
	b = appendString(b, ref.Kind)
	b = appendString(b, ref.Namespace)
	b = appendString(b, ref.Name)
	b = appendString(b, uid)
	b = binary.AppendUvarint(b, uint64(revision))
	b = binary.AppendUvarint(b, uint64(written))
	return binary.AppendUvarint(b, uint64(created))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
