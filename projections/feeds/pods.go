package feeds

import (
	"cmp"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
	"cairn/projections/view"
)

// Pods holds the last entry of every pod assigned to a node, encoded, and by node.
//
// Invariant: an entry given out for a key is never older than the one before;
// byNode holds what last holds.
type Pods struct {
	r0     uint64
	last   map[string]*Placed
	byNode map[string]map[string]*Placed
}

// Placed is a pod's entry and the node whose feed it belongs to.
type Placed struct {
	Node   string
	Key    string
	Offset events.Offset
	Gone   bool   // the node is to end it
	Frame  []byte // of a feed.AssignmentEntry, see feed.AppendFrame; shared
}

// NewPods makes an empty table. r0 is the incarnation's.
func NewPods(r0 uint64) *Pods {
	return &Pods{r0: r0, last: map[string]*Placed{}, byNode: map[string]map[string]*Placed{}}
}

// Set takes a pod as it is now and returns the entries to emit, none where there
// is nothing new for its node; a pod that moved is gone from the other node
// first. Where o has no Spec, it is as it was. why says who asks for its
// deletion; who asked first stays.
func (t *Pods) Set(o *view.Object, why string) (emit []*Placed) {
	key := PodKey(o.Ref, o.UID)
	node := NodeOf(o)
	if node == "" {
		return t.gone(key, o.Revision.Offset(t.r0))
	}
	e := Assignment(t.r0, o)
	had := t.last[key]
	if had != nil {
		was := had.assignment()
		if o.Spec == nil {
			e.Pod.Digest = was.Digest
		}
		why = cmp.Or(was.Why, why)
		switch {
		case had.Offset > e.Offset, had.Node == node && sameAssignment(was, e.Pod):
			return nil
		case had.Node != node:
			emit = t.gone(key, e.Offset)
		}
	}
	if e.Pod.Deleting != 0 {
		e.Pod.Why = why
	}
	p := &Placed{Node: node, Key: key, Offset: e.Offset, Frame: feed.AppendFrame(nil, e)}
	t.last[key] = p
	if t.byNode[node] == nil {
		t.byNode[node] = map[string]*Placed{}
	}
	t.byNode[node][key] = p
	return append(emit, p)
}

// assignment decodes what the entry says. The naive table keeps it decoded, too,
// which takes three times the memory, to save a microsecond when the pod changes.
func (p *Placed) assignment() *feed.Assignment {
	var e feed.AssignmentEntry
	if err := wire.Decode(feed.FrameBody(p.Frame), &e); err != nil || e.Pod == nil {
		panic("feeds: an entry of our own that can't be read") // a bug
	}
	return e.Pod
}

// Remove takes a pod that was removed at revision r.
func (t *Pods) Remove(ref events.Ref, uid string, r events.Revision) []*Placed {
	return t.gone(PodKey(ref, uid), r.Offset(t.r0))
}

func (t *Pods) gone(key string, at events.Offset) []*Placed {
	had := t.last[key]
	if had == nil || had.Offset > at {
		return nil
	}
	delete(t.last, key)
	delete(t.byNode[had.Node], key)
	if len(t.byNode[had.Node]) == 0 {
		delete(t.byNode, had.Node)
	}
	return []*Placed{{Node: had.Node, Key: key, Offset: at, Gone: true, Frame: feed.AppendFrame(nil, &feed.AssignmentEntry{Offset: at, Key: key})}}
}

// Has reports whether the table knows that pod, so that a change without its
// spec is enough to derive its entry.
func (t *Pods) Has(ref events.Ref, uid string) bool { return t.last[PodKey(ref, uid)] != nil }

// On gives the entries of a node by key; never change it. It costs nothing.
func (t *Pods) On(node string) map[string]*Placed { return t.byNode[node] }

// Get gives a pod's entry; nil where it is assigned to no node.
func (t *Pods) Get(key string) *Placed { return t.last[key] }

// All gives the entries of all nodes by key; never change it.
func (t *Pods) All() map[string]*Placed { return t.last }
