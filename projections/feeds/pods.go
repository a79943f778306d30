package feeds

import (
	"slices"
	"strings"

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
	last map[string]*feed.AssignmentEntry
}

// NewPods makes an empty table for the pods of node; of all nodes where it is empty.
func NewPods(r0 uint64, node string) *Pods {
	return &Pods{r0: r0, node: node, last: map[string]*feed.AssignmentEntry{}}
}

// Set takes a pod as it is now and returns the entry to emit, nil where there
// is nothing new for the node. Where o has no Spec, it is as it was.
func (t *Pods) Set(o *view.Object) *feed.AssignmentEntry {
	key := PodKey(o.Ref, o.UID)
	had := t.last[key]
	node := NodeOf(o)
	if node == "" || (t.node != "" && node != t.node) {
		return t.gone(key, o.Revision.Offset(t.r0))
	}
	e := Assignment(t.r0, o)
	if o.Spec == nil && had != nil {
		e.Pod.Digest = had.Pod.Digest
	}
	if had != nil {
		e.Pod.Why = had.Pod.Why
		if had.Offset > e.Offset || SameAssignment(had, e) {
			return nil
		}
	}
	t.last[key] = e
	return e
}

// Remove takes a pod that was removed at revision r.
func (t *Pods) Remove(ref events.Ref, uid string, r events.Revision) *feed.AssignmentEntry {
	return t.gone(PodKey(ref, uid), r.Offset(t.r0))
}

func (t *Pods) gone(key string, at events.Offset) *feed.AssignmentEntry {
	if t.last[key] == nil {
		return nil
	}
	delete(t.last, key)
	return &feed.AssignmentEntry{Offset: at, Key: key}
}

// Has tells whether the table knows that pod, so that a change without its
// spec is enough to derive its entry.
func (t *Pods) Has(ref events.Ref, uid string) bool { return t.last[PodKey(ref, uid)] != nil }

// All returns the entries in the order of their keys.
func (t *Pods) All() []*feed.AssignmentEntry {
	all := make([]*feed.AssignmentEntry, 0, len(t.last))
	for _, e := range t.last {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *feed.AssignmentEntry) int { return strings.Compare(a.Key, b.Key) })
	return all
}
