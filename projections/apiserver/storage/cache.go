package storage

import (
	"container/list"
	"sync"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// cache keeps decoded objects, the least recently used go first. A revision
// names one change of one object, so what it holds never becomes stale.
//
// Its limit is in encoded bytes: a decoded object takes some five times its
// encoding, and a pod twenty times a config map, so a count would bound nothing.
type cache struct {
	mu    sync.Mutex
	limit int // bytes
	held  int // Invariant: the sum of weights of what is in order
	by    map[cacheKey]*list.Element
	order *list.List
}

type cacheKey struct {
	ref events.Ref
	rev events.Revision
}

type cached struct {
	key    cacheKey
	obj    kinds.Object
	weight int
}

// overhead is what an object weighs beside its parts: keys, and what is rendered.
const overhead = 512

func weigh(o *view.Object) int {
	n := overhead
	for _, p := range []*events.Part{o.Spec, o.Status} {
		if p != nil {
			n += len(p.Data)
		}
	}
	return n
}

func newCache(limit int) *cache {
	return &cache{limit: limit, by: map[cacheKey]*list.Element{}, order: list.New()}
}

func (c *cache) get(o *view.Object) kinds.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[cacheKey{o.Ref, o.Revision}]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).obj
}

func (c *cache) put(o *view.Object, obj kinds.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := cacheKey{o.Ref, o.Revision}
	if c.by[k] != nil {
		return
	}
	e := &cached{k, obj, weigh(o)}
	c.by[k] = c.order.PushFront(e)
	c.held += e.weight
	for c.held > c.limit {
		last := c.order.Remove(c.order.Back()).(*cached)
		delete(c.by, last.key)
		c.held -= last.weight
	}
}
