package reconcile

import (
	"maps"
	"slices"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
)

// Change is one object as it was and is, as far as a cache holds it.
type Change struct {
	Ref           events.Ref
	UID           string
	Before, After *Object // nil: was not held, is not held any more
	Trigger       Trigger
}

// Cache is a cell's live objects, indexed.
//
// Invariant: every index holds exactly the objects of `objects` that belong there.
type Cache struct {
	At   events.Offset // folded up to here
	R0   uint64
	Cell *events.Cell // what record 0 says; nil where that is not known

	whole   map[string]bool // kinds held with all their facts
	watched map[string]bool // kinds of which only dependents are held, see slim
	objects map[events.Ref]*Object
	byKind  map[scope]group  // whole kinds
	byOwner map[string]group // owner's uid
	orphans map[scope]group  // whole kinds: without a controller
	byNode  map[string]group // pods that were placed there
}

// scope is a kind in a namespace; of what is in none, the namespace is empty.
type scope struct{ kind, namespace string }

type group map[*Object]struct{}

// NewCache makes an empty cache that holds some kinds whole, and of others only
// what has owners or waits for its dependents.
func NewCache(r0 uint64, whole, watched []string) *Cache {
	c := &Cache{At: events.NoOffset, R0: r0, whole: map[string]bool{}, watched: map[string]bool{}, objects: map[events.Ref]*Object{},
		byKind: map[scope]group{}, byOwner: map[string]group{}, orphans: map[scope]group{}, byNode: map[string]group{}}
	for _, k := range whole {
		c.whole[k] = true
	}
	for _, k := range watched {
		c.watched[k] = !c.whole[k]
	}
	return c
}

// Holds reports whether the cache holds every object of a kind.
func (c *Cache) Holds(kind string) bool { return c.whole[kind] }

// Follows reports whether the cache is told of every object of a kind.
func (c *Cache) Follows(kind string) bool { return c.whole[kind] || c.watched[kind] }

// Put takes an object as it is read from a view at the start; nil: it need not be held.
func (c *Cache) Put(o *view.Object) *Object {
	now := c.slim(ObjectOf(o, c.R0))
	if now != nil {
		c.replace(o.Ref, now)
	}
	return now
}

// Apply takes a record's result. The whole record is in the cache before
// anyone looks at what changed.
func (c *Cache) Apply(r *fold.Result) []Change {
	c.At = r.Offset
	var list []Change
	for i := range r.Changes {
		ch := &r.Changes[i]
		if !c.Follows(ch.Ref.Kind) || ch.Facts == nil && !ch.Deleted {
			continue
		}
		before := c.objects[ch.Ref]
		var now *Object
		if !ch.Deleted {
			now = c.slim(&Object{Ref: ch.Ref, UID: ch.UID, Revision: ch.Revision, Written: ch.Written, Created: ch.Created, Facts: ch.Facts,
				Projected: ch.Projected, Desired: desired(before, ch, r.Offset), Progressed: progressed(before, ch, r.Time)})
		}
		c.replace(ch.Ref, now)
		t := Trigger{Offset: r.Offset, Ref: ch.Ref, Deleted: ch.Deleted}
		if r.Event != nil {
			t.Type = r.Event.Type
		}
		list = append(list, Change{Ref: ch.Ref, UID: ch.UID, Before: before, After: now, Trigger: t})
	}
	return list
}

// slim gives what is held of an object: all of a kind that somebody reads; of
// other kinds what garbage collection asks, and nothing where it asks nothing.
func (c *Cache) slim(o *Object) *Object {
	switch {
	case o.Facts == nil:
		return nil
	case c.whole[o.Ref.Kind]:
		return o
	case !c.watched[o.Ref.Kind], len(o.Facts.Owners) == 0 && !o.WaitsForDependents():
		return nil
	}
	o.Facts = &events.Facts{Owners: o.Facts.Owners, Finalizers: o.Facts.Finalizers, Deleting: o.Facts.Deleting, Generation: o.Facts.Generation}
	o.Projected = nil
	return o
}

// desired is the last record that changed what is desired of an object.
func desired(before *Object, c *fold.Change, at events.Offset) events.Offset {
	if before == nil || before.UID != c.UID || before.Facts.Generation != c.Facts.Generation || before.Facts.Deleting != c.Facts.Deleting {
		return at
	}
	return before.Desired
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

func (c *Cache) replace(ref events.Ref, now *Object) {
	if old := c.objects[ref]; old != nil {
		c.index(old, false)
		delete(c.objects, ref)
	}
	if now != nil {
		c.objects[ref] = now
		c.index(now, true)
	}
}

func (c *Cache) index(o *Object, in bool) {
	for _, w := range o.Facts.Owners {
		set(c.byOwner, w.UID, o, in)
	}
	if !c.whole[o.Ref.Kind] {
		return
	}
	at := scope{o.Ref.Kind, o.Ref.Namespace}
	set(c.byKind, at, o, in)
	if o.Controller() == nil {
		set(c.orphans, at, o, in)
	}
	if st := o.Pod(); st.Node != "" {
		set(c.byNode, st.Node, o, in)
	}
}

func set[K comparable](index map[K]group, key K, o *Object, in bool) {
	g := index[key]
	switch {
	case in && g == nil:
		index[key] = group{o: {}}
	case in:
		g[o] = struct{}{}
	default:
		delete(g, o)
		if len(g) == 0 {
			delete(index, key)
		}
	}
}

func (g group) sorted() []*Object {
	return slices.SortedFunc(maps.Keys(g), func(a, b *Object) int { return a.Ref.Compare(b.Ref) })
}
