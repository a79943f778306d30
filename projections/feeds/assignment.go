package feeds

import (
	"crypto/sha256"
	"encoding/hex"

	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/view"
)

// PodKey is a pod's key in the assignments feed: NAMESPACE/NAME/UID.
func PodKey(ref events.Ref, uid string) string {
	return ref.Namespace + "/" + ref.Name + "/" + uid
}

// NodeOf gives the node whose feed holds the pod, empty where none does: it is
// not placed, or nothing of its placement is left there. A finished pod leaves
// its logs, until the object is removed.
func NodeOf(o *view.Object) string {
	if o == nil || o.Ref.Kind != events.Pods || o.Facts == nil || o.Projected == nil || o.Projected.Pod == nil {
		return ""
	}
	if p := o.Projected.Pod; !p.Stopped || p.Finished() {
		return p.Node
	}
	return ""
}

// Assignment derives a pod's entry as of o; Pod is nil (gone) where NodeOf
// names no node. r0 is the incarnation's (events.Cell.R0). Why stays empty: it
// is in the record that asked for the deletion, not in the object. Pure.
func Assignment(r0 uint64, o *view.Object) *feed.AssignmentEntry {
	e := &feed.AssignmentEntry{Offset: o.Revision.Offset(r0), Key: PodKey(o.Ref, o.UID)}
	if NodeOf(o) == "" {
		return e
	}
	p := o.Projected.Pod
	e.Pod = &feed.Assignment{
		Namespace: o.Ref.Namespace, Name: o.Ref.Name, UID: o.UID,
		Epoch: p.Epoch, Registration: p.Registration, Revision: o.Revision,
		Digest: Digest(o.Spec), Address: p.Address,
		Deleting: o.Facts.Deleting, Grace: o.Facts.Grace,
		Finished: p.Stopped && p.Finished(),
	}
	return e
}

// Digest is the hex SHA-256 of a part's bytes as stored; empty without a part.
func Digest(p *events.Part) string {
	if p == nil {
		return ""
	}
	sum := sha256.Sum256(p.Data)
	return hex.EncodeToString(sum[:])
}

// sameAssignment reports whether two say the same to a node. Revision and Why
// don't count: they move without anything to do.
func sameAssignment(a, b *feed.Assignment) bool {
	x, y := *a, *b
	x.Revision, y.Revision, x.Why, y.Why = 0, 0, "", ""
	return x == y
}
