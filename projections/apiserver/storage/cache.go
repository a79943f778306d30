package storage

import (
	"container/list"
	"sync"

	"cairn/events"
	"cairn/projections/apiserver/kinds"
	"cairn/projections/view"
)

// cache keeps decoded objects, the least recently used go first. A revision
// names one change of one object, so what it holds never becomes stale.
type cache struct {
	mu    sync.Mutex
	limit int
	by    map[cacheKey]*list.Element
	order *list.List
}

type cacheKey struct {
	ref events.Ref
	rev events.Revision
}

type cached struct {
	key cacheKey
	obj kinds.Object
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
	c.by[k] = c.order.PushFront(&cached{k, obj})
	for c.order.Len() > c.limit {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.by, last.Value.(*cached).key)
	}
}
