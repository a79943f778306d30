package feeds

import (
	"cairn/events"
	"cairn/events/feed"
	"cairn/projections/view"
)

// Pods holds the last entry of every pod assigned to a node, or to any node.
//
// Invariant: an entry given out for a key is never older than the one before.
type Pods struct {
	r0   uint64
	node string // empty: of all nodes
	last map[string]Placed
}

// Placed is an entry and the node whose feed it belongs to.
type Placed struct {
	Node  string
	Entry *feed.AssignmentEntry
}

// NewPods makes an empty table for the pods of node; of all nodes where it is empty.
func NewPods(r0 uint64, node string) *Pods {
	return &Pods{r0: r0, node: node, last: map[string]Placed{}}
}

// Set takes a pod as it is now and returns the entries to emit, none where there
// is nothing new for its node; a pod that moved is gone from the other node
// first. Where o has no Spec, it is as it was.
func (t *Pods) Set(o *view.Object) (emit []Placed) {
	key := PodKey(o.Ref, o.UID)
	node := NodeOf(o)
	if node == "" || (t.node != "" && node != t.node) {
		return t.gone(key, o.Revision.Offset(t.r0))
	}
	had, known := t.last[key]
	e := Assignment(t.r0, o)
	if o.Spec == nil && known {
		e.Pod.Digest = had.Entry.Pod.Digest
	}
	if known && had.Node != node {
		emit = t.gone(key, e.Offset)
	} else if known {
		e.Pod.Why = had.Entry.Pod.Why
		if had.Entry.Offset > e.Offset || SameAssignment(had.Entry, e) {
			return nil
		}
	}
	t.last[key] = Placed{node, e}
	return append(emit, t.last[key])
}

// Remove takes a pod that was removed at revision r.
func (t *Pods) Remove(ref events.Ref, uid string, r events.Revision) []Placed {
	return t.gone(PodKey(ref, uid), r.Offset(t.r0))
}

func (t *Pods) gone(key string, at events.Offset) []Placed {
	had, known := t.last[key]
	if !known {
		return nil
	}
	delete(t.last, key)
	return []Placed{{had.Node, &feed.AssignmentEntry{Offset: at, Key: key}}}
}

// Has tells whether the table knows that pod, so that a change without its
// spec is enough to derive its entry.
func (t *Pods) Has(ref events.Ref, uid string) bool {
	_, known := t.last[PodKey(ref, uid)]
	return known
}
