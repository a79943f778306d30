package digest

import (
	"crypto/sha256"
	"encoding/binary"

	"cairn/events"
	"cairn/projections/fold"
)

// First bytes of what is hashed, so that no hash of one sort is one of
// another. 0 and 1 are those of a Merkle tree's leaves and nodes (RFC 9162).
const (
	domainChain   = 2
	domainElement = 3
	domainRef     = 4
)

// link gives the chain after r, from the chain before it. Strings and lists are
// preceded by their length, so no two results have the same bytes.
//
// Frozen: offset, code, reason, field, first delivery; then each change's ref,
// uid, revisions, whether it is gone, and the hashes of the columns it set.
func (d *Digest) link(prev [32]byte, r *fold.Result, cols []Columns) [32]byte {
	b := append(append(d.buf[:0], domainChain), prev[:]...)
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
		for k := range cols[i].Column {
			col := &cols[i].Column[k]
			b = append(b, byte(col.Effect))
			if col.Effect == Changed {
				b = append(b, col.Hash[:]...)
			}
		}
	}
	d.buf = b
	return sha256.Sum256(b)
}

func appendRef(b []byte, ref events.Ref) []byte {
	return appendString(appendString(appendString(b, ref.Kind), ref.Namespace), ref.Name)
}

func appendIdentity(b []byte, ref events.Ref, uid string, revision, written, created events.Revision) []byte {
	b = appendString(appendRef(b, ref), uid)
	b = binary.AppendUvarint(b, uint64(revision))
	b = binary.AppendUvarint(b, uint64(written))
	return binary.AppendUvarint(b, uint64(created))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
