package digest

import (
	"crypto/sha256"
	"encoding/binary"

	"cairn/events"
	"cairn/events/wire"
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
// Frozen: offset, gate, outcome; each change's ref, uid, revisions, whether it
// is gone, and the hashes of the columns it set; each event.
func (d *Digest) link(prev [32]byte, r *fold.Result, cols []Columns) [32]byte {
	b := append(append(d.buf[:0], domainChain), prev[:]...)
	b = binary.AppendUvarint(b, uint64(r.Offset))
	b = binary.AppendUvarint(b, uint64(r.Gate))
	b = append(b, byte(r.Outcome.Code))
	b = binary.AppendUvarint(b, uint64(r.Outcome.Reason))
	b = appendStrings(b, r.Outcome.Args)
	b = appendString(b, r.Outcome.Field)
	b = binary.AppendVarint(b, int64(r.Outcome.DuplicateOf))
	b = binary.AppendUvarint(b, uint64(len(r.Changes)))
	for i := range r.Changes {
		c := &r.Changes[i]
		b = appendIdentity(b, c.Ref, c.UID, c.Revision, c.Written, c.Created)
		b = appendBool(b, c.Deleted)
		for k := range cols[i].Column {
			col := &cols[i].Column[k]
			b = append(b, byte(col.Effect))
			if col.Effect == Changed {
				b = append(b, col.Hash[:]...)
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(r.KubeEvents)))
	for i := range r.KubeEvents {
		b = appendEvent(b, &r.KubeEvents[i])
	}
	d.buf = b
	return sha256.Sum256(b)
}

func appendEvent(b []byte, k *fold.KubeEvent) []byte {
	b = appendString(appendRef(b, k.Regarding), k.RegardingUID)
	b = appendStrings(append(b, byte(k.Code)), k.Args)
	b = appendBool(b, k.Decision != nil)
	if k.Decision != nil {
		b = appendString(b, wire.Encode(k.Decision))
	}
	b = appendString(appendString(b, k.Reason), k.Note)
	b = appendBool(b, k.Warning)
	return appendString(appendString(b, k.Source), k.Container)
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

func appendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}
