package digest

import (
	"crypto/sha256"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// object is what is kept of a live object: enough to take its element out of
// the set, and to make the next one when some of its columns change. It holds
// no pointer and no name: 250 bytes in all with its place in the map.
type object struct {
	element key
	hash    [Count][32]byte
	at      [Count]events.Revision // 0: no such column
}

// Digest follows results and knows the position after the last one.
//
// Invariant: set is the sum over live without stale's refs, plus stale's
// elements: an object changed twice between two Settles costs one expansion.
type Digest struct {
	pos   view.Position
	set   Set
	live  map[key]*object // by the hash of its ref
	stale map[key]before
	x     expander
	buf   []byte
}

// before is what the set still has of an object that changed.
type before struct {
	element key
	present bool
}

// New is the digest before the first record.
func New() *Digest {
	return &Digest{
		pos:   view.Position{Offset: events.NoOffset, State: new(Set).Sum()},
		live:  map[key]*object{},
		stale: map[key]before{},
	}
}

// Add takes the next result with its Encode, and completes the columns: of
// those kept, too, they then say what they are and since when. It returns the
// chain after the record.
func (d *Digest) Add(r *fold.Result, cols []Columns) [32]byte {
	d.pos.Chain = d.link(d.pos.Chain, r, cols)
	d.pos.Offset, d.pos.Time, d.pos.Gate = r.Offset, r.Time, r.Gate
	if e := r.Event; e != nil && e.Type == events.CellCreated && r.Outcome.Accepted() && d.pos.Cell == nil {
		d.pos.Cell, d.pos.R0 = e.Facts.Cell, e.Facts.Cell.R0
	}
	for i := range r.Changes {
		d.change(&r.Changes[i], &cols[i])
	}
	return d.pos.Chain
}

func (d *Digest) change(c *fold.Change, cols *Columns) {
	ref := d.refKey(c.Ref)
	old := d.live[ref]
	if _, ok := d.stale[ref]; !ok {
		if old == nil {
			d.stale[ref] = before{}
		} else {
			d.stale[ref] = before{old.element, true}
		}
	}
	cols.Lived = old != nil
	now := object{}
	for k := range cols.Column {
		col := &cols.Column[k]
		switch {
		case col.Effect == Changed:
			col.At = c.Revision
		case col.Effect == Kept && old != nil:
			col.Hash, col.At = old.hash[k], old.at[k]
		}
		now.hash[k], now.at[k] = col.Hash, col.At
	}
	if c.Deleted {
		delete(d.live, ref)
		return
	}
	now.element = d.element(c.Ref, c.UID, c.Revision, c.Written, c.Created, &now)
	if old != nil {
		*old = now
		return
	}
	d.live[ref] = &now
}

// Settle brings the state digest up to the last result and returns the position.
func (d *Digest) Settle() view.Position {
	if len(d.stale) > 0 {
		for ref, old := range d.stale {
			if old.present {
				d.set.remove(d.x.expand(&old.element))
			}
			if o := d.live[ref]; o != nil {
				d.set.add(d.x.expand(&o.element))
			}
		}
		clear(d.stale)
		d.pos.State, d.pos.Objects = d.set.Sum(), len(d.live)
	}
	return d.pos
}

// Lanes are the bytes behind the state digest as of the last Settle.
func (d *Digest) Lanes() []byte { return d.set.Bytes() }

func (d *Digest) refKey(ref events.Ref) key {
	d.buf = appendRef(append(d.buf[:0], domainRef), ref)
	return sha256.Sum256(d.buf)
}

// element is the key of a live object's element. Frozen: ref, uid, revisions;
// then for each column whether there is one, and the hash of its bytes.
func (d *Digest) element(ref events.Ref, uid string, revision, written, created events.Revision, o *object) key {
	b := appendIdentity(append(d.buf[:0], domainElement), ref, uid, revision, written, created)
	for k := range o.at {
		if o.at[k] != 0 {
			b = append(append(b, 1), o.hash[k][:]...)
		} else {
			b = append(b, 0)
		}
	}
	d.buf = b
	return sha256.Sum256(b)
}
