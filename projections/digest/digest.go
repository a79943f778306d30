package digest

import (
	"crypto/sha256"
	"fmt"
	"iter"

	"cairn/events"
	"cairn/events/wire"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// element is a live object as the set hash sees it.
type element struct {
	uid                        string
	revision, written, created events.Revision
	has                        [columns]bool
	hash                       [columns][32]byte
}

// Digest follows results and knows the position after the last one.
//
// Invariant: set is the sum over live without stale's keys, plus stale's
// elements: an object changed twice between two Settles costs one hash.
type Digest struct {
	pos   view.Position
	set   Set
	live  map[events.Ref]*element
	stale map[events.Ref]*element // as the set still has them; nil: not in it
	hash  hasher
	buf   []byte
}

// New is the digest before the first record.
func New() *Digest {
	return &Digest{
		pos:   view.Position{Offset: events.NoOffset, State: new(Set).Sum()},
		live:  map[events.Ref]*element{},
		stale: map[events.Ref]*element{},
	}
}

// Restore is the digest at a stored position, of which live gives all objects.
// An error means that the objects are not those the digest was taken of.
func Restore(pos view.Position, live iter.Seq[*view.Object]) (*Digest, error) {
	d := New()
	for o := range live {
		if o.Ref.Kind == events.Events {
			continue
		}
		e := elementOf(o)
		d.live[o.Ref] = e
		d.set.add(d.expand(o.Ref, e))
	}
	if sum := d.set.Sum(); sum != pos.State || len(d.live) != pos.Objects {
		return nil, fmt.Errorf("digest: the stored objects (%d) do not match the stored digest (of %d): got %x, want %x", len(d.live), pos.Objects, sum[:8], pos.State[:8])
	}
	d.pos = pos
	return d, nil
}

func elementOf(o *view.Object) *element {
	e := &element{uid: o.UID, revision: o.Revision, written: o.Written, created: o.Created}
	put := func(c int, b []byte) { e.has[c], e.hash[c] = true, sha256.Sum256(b) }
	if o.Facts != nil {
		put(Facts, events.EncodeFacts(o.Facts))
	}
	if o.Projected != nil {
		put(Projected, fold.EncodeProjected(o.Projected))
	}
	if o.Spec != nil {
		put(Spec, wire.Encode(o.Spec))
	}
	if o.Status != nil {
		put(Status, wire.Encode(o.Status))
	}
	return e
}

// Add takes the next result with its Encode.
func (d *Digest) Add(r *fold.Result, cols []Columns) {
	d.pos.Chain = link(d.pos.Chain, r, cols)
	d.pos.Offset, d.pos.Time = r.Offset, r.Time
	if e := r.Event; e != nil && e.Type == events.CellCreated && r.Outcome.Accepted() && d.pos.Cell == nil {
		d.pos.Cell, d.pos.R0 = e.Facts.Cell, e.Facts.Cell.R0
	}
	for i := range r.Changes {
		if r.Changes[i].Ref.Kind != events.Events {
			d.change(&r.Changes[i], &cols[i])
		}
	}
}

func (d *Digest) change(c *fold.Change, cols *Columns) {
	old := d.live[c.Ref]
	if _, ok := d.stale[c.Ref]; !ok {
		d.stale[c.Ref] = old
	}
	if c.Deleted {
		delete(d.live, c.Ref)
		return
	}
	e := &element{uid: c.UID, revision: c.Revision, written: c.Written, created: c.Created}
	for k := range cols {
		switch {
		case cols[k].Effect == Changed:
			e.has[k], e.hash[k] = true, cols[k].Hash
		case cols[k].Effect == Kept && old != nil:
			e.has[k], e.hash[k] = old.has[k], old.hash[k]
		}
	}
	d.live[c.Ref] = e
}

// Settle brings the state digest up to the last result and returns the position.
func (d *Digest) Settle() view.Position {
	if len(d.stale) > 0 {
		for ref, old := range d.stale {
			if old != nil {
				d.set.remove(d.expand(ref, old))
			}
			if e := d.live[ref]; e != nil {
				d.set.add(d.expand(ref, e))
			}
		}
		clear(d.stale)
		d.pos.State, d.pos.Objects = d.set.Sum(), len(d.live)
	}
	return d.pos
}

// Lanes are the bytes behind the state digest as of the last Settle.
func (d *Digest) Lanes() []byte { return d.set.Bytes() }

func (d *Digest) expand(ref events.Ref, e *element) *[LaneBytes]byte {
	b := appendIdentity(d.buf[:0], ref, e.uid, e.revision, e.written, e.created)
	for k := range e.has {
		if e.has[k] {
			b = append(append(b, 1), e.hash[k][:]...)
		} else {
			b = append(b, 0)
		}
	}
	d.buf = b
	return d.hash.expand(b)
}
