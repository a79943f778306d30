package step

import "cairn/events"

// Get returns the object of that name, nil where there is none.
func (p *Picture) Get(ref events.Ref) *Object { return p.objects[ref] }

// Len is the number of objects.
func (p *Picture) Len() int { return len(p.objects) }

// ByUID returns the object with that uid, nil where there is none.
func (p *Picture) ByUID(uid string) *Object { return p.byUID[uid] }

// List returns a kind's objects in a namespace; in all where it is empty.
func (p *Picture) List(kind, namespace string) []*Object {
	if namespace == "" {
		namespace = "*"
	}
	return p.byPlace[place{kind, namespace}].sorted()
}

// In returns all objects in a namespace, of every kind followed.
func (p *Picture) In(namespace string) []*Object {
	if namespace == "" {
		return nil
	}
	return p.byPlace[place{"*", namespace}].sorted()
}

// Owned returns the objects that name the owner's uid, of one kind or, where
// it is empty, of all. An owner is named within its namespace only: others
// who name it don't count for kinds, but Dependents has them.
func (p *Picture) Owned(owner *Object, kind string) []*Object {
	var list []*Object
	for _, o := range p.byOwner[owner.UID].sorted() {
		if (kind == "" || o.Ref.Kind == kind) && o.Ref.Namespace == owner.Ref.Namespace {
			list = append(list, o)
		}
	}
	return list
}

// Controlled returns the objects of a kind that owner controls.
func (p *Picture) Controlled(owner *Object, kind string) []*Object {
	var list []*Object
	for _, o := range p.Owned(owner, kind) {
		if c := o.Controller(); c != nil && c.UID == owner.UID {
			list = append(list, o)
		}
	}
	return list
}

// Dependents returns all objects that name a uid as their owner's.
func (p *Picture) Dependents(uid string) []*Object { return p.byOwner[uid].sorted() }

// Orphans returns the objects of a kind in a namespace that nobody controls.
func (p *Picture) Orphans(kind, namespace string) []*Object {
	return p.orphans[place{kind, namespace}].sorted()
}

// OnNode returns the pods placed on a node, also those that have ended.
func (p *Picture) OnNode(node string) []*Object { return p.byNode[node].sorted() }

// Used sums what the pods on a node hold; Pods is their number.
func (p *Picture) Used(node string) events.Resources { return p.used[node] }

// Pending returns the pods without a node.
func (p *Picture) Pending() []*Object { return p.pending.sorted() }

// Offset gives the record behind a revision.
func (p *Picture) Offset(r events.Revision) events.Offset { return r.Offset(p.R0) }
