package reconcile

import "cairn/events"

// Get returns the object of that name, nil where none is held.
func (c *Cache) Get(ref events.Ref) *Object { return c.objects[ref] }

// Len is the number of objects held.
func (c *Cache) Len() int { return len(c.objects) }

// List returns a kind's objects in a namespace, of a kind that is in none with
// an empty one. The kind must be held whole.
func (c *Cache) List(kind, namespace string) []*Object {
	return c.byKind[scope{kind, namespace}].sorted()
}

// Controlled returns the objects of a kind, in owner's namespace, that owner controls.
func (c *Cache) Controlled(owner *Object, kind string) []*Object {
	var list []*Object
	for _, o := range c.byOwner[owner.UID].sorted() {
		if w := o.Controller(); w != nil && w.UID == owner.UID && o.Ref.Kind == kind && o.Ref.Namespace == owner.Ref.Namespace {
			list = append(list, o)
		}
	}
	return list
}

// Owner returns the object that o names as its owner, nil where it is not held.
// It is in o's namespace or in none.
func (c *Cache) Owner(o *Object, w events.Owner) *Object {
	for _, namespace := range []string{o.Ref.Namespace, ""} {
		if owner := c.objects[events.Ref{Kind: w.Kind, Namespace: namespace, Name: w.Name}]; owner != nil && owner.UID == w.UID {
			return owner
		}
	}
	return nil
}

// Dependents returns all objects that name a uid as their owner's, of whatever
// kind and wherever they are.
func (c *Cache) Dependents(uid string) []*Object { return c.byOwner[uid].sorted() }

// Orphans returns the objects of a kind in a namespace that nobody controls.
func (c *Cache) Orphans(kind, namespace string) []*Object {
	return c.orphans[scope{kind, namespace}].sorted()
}

// OnNode returns the pods placed on a node, also those that have ended.
func (c *Cache) OnNode(node string) []*Object { return c.byNode[node].sorted() }

// Offset gives the record behind a revision.
func (c *Cache) Offset(r events.Revision) events.Offset { return r.Offset(c.R0) }
