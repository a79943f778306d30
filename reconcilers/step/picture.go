package step

import (
	"maps"
	"slices"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Object is one live object of a picture, without its bodies.
type Object struct {
	Ref                        events.Ref
	UID                        string
	Revision, Written, Created events.Revision
	// Asked is the last record that changed what is wanted of it: its creation,
	// a change of its spec, the wish to delete it. After a start, its last write.
	Asked events.Offset
	// Progressed is the ledger time (Unix ns) at which its projected counts last
	// rose or its number of pods last changed; 0: not since the start.
	Progressed int64
	Facts      *events.Facts // never nil
	Projected  *fold.Projected
}

// Pod gives a pod's projected state; an empty one for other objects.
func (o *Object) Pod() *fold.PodState {
	if o.Projected == nil || o.Projected.Pod == nil {
		return &fold.PodState{}
	}
	return o.Projected.Pod
}

// Node gives a node's projected state; an empty one for other objects.
func (o *Object) Node() *fold.NodeState {
	if o.Projected == nil || o.Projected.Node == nil {
		return &fold.NodeState{}
	}
	return o.Projected.Node
}

// Workload gives a workload's projected counts; none for other objects.
func (o *Object) Workload() *fold.WorkloadState {
	if o.Projected == nil || o.Projected.Workload == nil {
		return &fold.WorkloadState{}
	}
	return o.Projected.Workload
}

// Controller is the owner that controls o; nil where none does.
func (o *Object) Controller() *events.Owner {
	for i := range o.Facts.Owners {
		if o.Facts.Owners[i].Controller {
			return &o.Facts.Owners[i]
		}
	}
	return nil
}

// Change is one object as it was and is.
type Change struct {
	Before, After *Object // nil: was not there, is not there any more
	Trigger       Trigger
}

// Ref names the changed object.
func (c Change) Ref() events.Ref {
	if c.After != nil {
		return c.After.Ref
	}
	return c.Before.Ref
}

type group map[events.Ref]*Object

// Picture is a cell's live objects, indexed. What the fold renders whole
// (Events, endpoints of selector services) is left out: nobody may change it.
//
// Invariant: every index holds exactly the objects of `objects` that belong there.
type Picture struct {
	At   events.Offset // folded up to here
	R0   uint64
	Cell *events.Cell // what record 0 says; nil where that is not known

	follows map[string]bool
	objects group
	byUID   map[string]*Object
	byPlace map[place]group             // kind and namespace; and kind over all namespaces
	byOwner map[string]group            // owner's uid
	orphans map[place]group             // kind and namespace, without a controller
	byNode  map[string]group            // pods that hold a place there
	pending group                       // pods without a node
	used    map[string]events.Resources // by node: of its pods that hold something; Pods is their number
}

type place struct{ kind, namespace string }

// NewPicture makes an empty picture that follows the given kinds.
func NewPicture(r0 uint64, kinds ...string) *Picture {
	p := &Picture{At: events.NoOffset, R0: r0, follows: map[string]bool{}, objects: group{}, byUID: map[string]*Object{},
		byPlace: map[place]group{}, byOwner: map[string]group{}, orphans: map[place]group{}, byNode: map[string]group{}, pending: group{}, used: map[string]events.Resources{}}
	for _, k := range kinds {
		p.follows[k] = true
	}
	return p
}

// Follows tells whether the picture holds all objects of a kind.
func (p *Picture) Follows(kind string) bool { return p.follows[kind] }

// Put takes an object as it is read from a view at the start.
func (p *Picture) Put(o *view.Object) *Object {
	if o.Facts == nil || !p.follows[o.Ref.Kind] {
		return nil
	}
	now := &Object{Ref: o.Ref, UID: o.UID, Revision: o.Revision, Written: o.Written, Created: o.Created,
		Asked: o.Written.Offset(p.R0), Facts: o.Facts, Projected: o.Projected}
	p.replace(o.Ref, now)
	return now
}

// Apply takes a record's result. The whole record is in the picture before
// anyone looks at what changed.
func (p *Picture) Apply(r *fold.Result) []Change {
	p.At = r.Offset
	var list []Change
	for i := range r.Changes {
		c := &r.Changes[i]
		if !p.follows[c.Ref.Kind] || (c.Facts == nil && !c.Deleted) {
			continue
		}
		before := p.objects[c.Ref]
		if c.Deleted && before == nil {
			continue
		}
		var now *Object
		if !c.Deleted {
			now = &Object{Ref: c.Ref, UID: c.UID, Revision: c.Revision, Written: c.Written, Created: c.Created,
				Facts: c.Facts, Projected: c.Projected, Asked: asked(before, c, r.Offset), Progressed: progressed(before, c, r.Time)}
		}
		p.replace(c.Ref, now)
		t := Trigger{Offset: r.Offset, Ref: c.Ref, Deleted: c.Deleted}
		if r.Event != nil {
			t.Type = r.Event.Type
		}
		list = append(list, Change{Before: before, After: now, Trigger: t})
	}
	return list
}

func asked(before *Object, c *fold.Change, at events.Offset) events.Offset {
	if before == nil || before.UID != c.UID || before.Facts.Generation != c.Facts.Generation || before.Facts.Deleting != c.Facts.Deleting {
		return at
	}
	return before.Asked
}

func progressed(before *Object, c *fold.Change, now int64) int64 {
	if before == nil || before.UID != c.UID {
		return now
	}
	was, is := before.Workload(), (&Object{Projected: c.Projected}).Workload()
	if is.Ready > was.Ready || is.Replicas != was.Replicas {
		return now
	}
	return before.Progressed
}

func (p *Picture) replace(ref events.Ref, now *Object) {
	if old := p.objects[ref]; old != nil {
		p.index(old, false)
	}
	if now != nil {
		p.index(now, true)
	}
}

func (p *Picture) index(o *Object, in bool) {
	set(p.byPlace, place{o.Ref.Kind, o.Ref.Namespace}, o, in)
	set(p.byPlace, place{o.Ref.Kind, "*"}, o, in)
	set(p.byPlace, place{"*", o.Ref.Namespace}, o, in)
	for _, w := range o.Facts.Owners {
		set(p.byOwner, w.UID, o, in)
	}
	if o.Controller() == nil {
		set(p.orphans, place{o.Ref.Kind, o.Ref.Namespace}, o, in)
	}
	if in {
		p.objects[o.Ref], p.byUID[o.UID] = o, o
	} else {
		delete(p.objects, o.Ref)
		delete(p.byUID, o.UID)
	}
	if o.Ref.Kind != events.Pods {
		return
	}
	if st := o.Pod(); st.Node != "" {
		set(p.byNode, st.Node, o, in)
		p.load(st.Node, o, in)
	} else if in {
		p.pending[o.Ref] = o
	} else {
		delete(p.pending, o.Ref)
	}
}

// load books what a pod holds on its node, or gives it back.
func (p *Picture) load(node string, o *Object, in bool) {
	if o.Facts.Pod == nil || !Holds(o) {
		return
	}
	u, r, one := p.used[node], o.Facts.Pod.Requests, uint64(1)
	if !in { // unsigned: adding the complement takes away
		r.MilliCPU, r.Memory, r.Storage, one = -r.MilliCPU, -r.Memory, -r.Storage, -one
	}
	u.MilliCPU += r.MilliCPU
	u.Memory += r.Memory
	u.Storage += r.Storage
	u.Pods += one
	if u.Pods == 0 {
		delete(p.used, node)
		return
	}
	p.used[node] = u
}

func set[K comparable](index map[K]group, key K, o *Object, in bool) {
	g := index[key]
	switch {
	case in && g == nil:
		index[key] = group{o.Ref: o}
	case in:
		g[o.Ref] = o
	default:
		delete(g, o.Ref)
		if len(g) == 0 {
			delete(index, key)
		}
	}
}

func (g group) sorted() []*Object {
	return slices.SortedFunc(maps.Values(g), func(a, b *Object) int { return a.Ref.Compare(b.Ref) })
}
