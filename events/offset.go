package events

import "fmt"

// Offset is a record's place in its ledger, from 0. A record's predecessor
// always has the offset before it: there are no gaps.
type Offset int64

// NoOffset is the offset before the first record.
const NoOffset Offset = -1

// Revision names one change of one object: (R0+offset+1)<<20 | ordinal.
// It is what Kubernetes calls resourceVersion.
//
// Invariant: revisions of changes are unique, and they grow with the ledger.
type Revision uint64

const ordinalBits = 20

// MaxOrdinal is the ordinal of a record's last possible change. A list's
// revision ends in it, so that nobody sees half a record.
const MaxOrdinal = 1<<ordinalBits - 1

// RevisionOf gives the revision of the change numbered ordinal (0..MaxOrdinal)
// of the record at o, in an incarnation whose record 0 says r0.
func RevisionOf(r0 uint64, o Offset, ordinal int) Revision {
	return Revision((r0+uint64(o)+1)<<ordinalBits | uint64(ordinal))
}

// Offset gives the record that made the change r, in an incarnation whose
// record 0 says r0; NoOffset where r lies before it.
func (r Revision) Offset(r0 uint64) Offset {
	n := uint64(r) >> ordinalBits
	if n <= r0 {
		return NoOffset
	}
	return Offset(n - r0 - 1)
}

// Last rounds r up to the last possible revision of its record.
func (r Revision) Last() Revision { return r | MaxOrdinal }

func (r Revision) String() string { return fmt.Sprintf("%d", uint64(r)) }
