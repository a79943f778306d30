package digest

import (
	"crypto/sha256"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/fold"
)

// Numbers of an object's columns. Each column has versions of its own.
const (
	Facts = iota
	Projected
	Spec
	Status
	Count // of columns
)

// Effect is what a change does to a column.
type Effect uint8

const (
	Kept    Effect = iota // as before
	Removed               // there is none now
	Changed               // Bytes is its value now
)

// Column is what one change does to one column, and how it stands after it.
type Column struct {
	Effect Effect
	Bytes  []byte          // canonical encoding, with Changed
	Hash   [32]byte        // SHA-256 of the column's bytes; with Kept from Add on
	At     events.Revision // of the change that set it, from Add on; 0: there is none
}

// Columns are what one change does to its object's columns.
type Columns struct {
	Column [Count]Column
	Lived  bool // from Add on: the object lived before the change
}

// Encode gives the canonical columns of each of r's changes. It is the costly
// part of hashing and touches nothing shared: run it where there is room.
func Encode(r *fold.Result) []Columns {
	if len(r.Changes) == 0 {
		return nil
	}
	out := make([]Columns, len(r.Changes))
	for i := range r.Changes {
		encodeChange(&r.Changes[i], &out[i])
	}
	return out
}

func encodeChange(c *fold.Change, to *Columns) {
	if c.Deleted {
		return // the columns of what is gone stay as they were
	}
	fresh := c.Created == c.Revision
	if fresh || c.FactsChanged {
		if c.Facts == nil {
			to.Column[Facts].Effect = Removed
		} else {
			to.Column[Facts].set(events.EncodeFacts(c.Facts))
		}
	}
	if fresh || c.ProjectedChanged {
		if c.Projected == nil {
			to.Column[Projected].Effect = Removed
		} else {
			to.Column[Projected].set(fold.EncodeProjected(c.Projected))
		}
	}
	to.Column[Spec].part(c.Spec, fresh)
	to.Column[Status].part(c.Status, fresh)
}

func (c *Column) part(p *events.Part, fresh bool) {
	switch {
	case p != nil:
		c.set(wire.Encode(p))
	case fresh:
		c.Effect = Removed
	}
}

func (c *Column) set(b []byte) {
	*c = Column{Effect: Changed, Bytes: b, Hash: sha256.Sum256(b)}
}

// HashOf gives a column's hash from its bytes; nil: there is none.
func HashOf(column []byte) [32]byte {
	if column == nil {
		return [32]byte{}
	}
	return sha256.Sum256(column)
}
