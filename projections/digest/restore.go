package digest

import (
	"fmt"

	"cairn/events"
	"cairn/projections/view"
)

// Live is a live object as a view has it.
type Live struct {
	Ref                        events.Ref
	UID                        string
	Revision, Written, Created events.Revision
	Hash                       [Count][32]byte        // SHA-256 of each column's bytes
	At                         [Count]events.Revision // of the change that set it; 0: none
}

// Restoring is a Digest on its way back from a stored position.
type Restoring struct{ d *Digest }

// Restore begins; Add all live objects, in any order, then call Done.
func Restore() *Restoring { return &Restoring{New()} }

// Add takes one live object.
func (r *Restoring) Add(l *Live) {
	d := r.d
	o := &object{hash: l.Hash, at: l.At}
	o.element = d.element(l.Ref, l.UID, l.Revision, l.Written, l.Created, o)
	d.live[d.refKey(l.Ref)] = o
	d.set.add(d.x.expand(&o.element))
}

// Done gives the digest at pos. An error means that the objects are not those
// of which pos was taken.
func (r *Restoring) Done(pos view.Position) (*Digest, error) {
	d := r.d
	if sum := d.set.Sum(); sum != pos.State || len(d.live) != pos.Objects {
		return nil, fmt.Errorf("digest: the stored objects (%d) do not match the stored digest (of %d): got %x, want %x", len(d.live), pos.Objects, sum[:8], pos.State[:8])
	}
	d.pos = pos
	return d, nil
}
