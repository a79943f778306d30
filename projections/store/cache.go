package store

import (
	"sync"

	"cairn/events"
	"cairn/projections/view"
)

type cacheKey struct {
	ref events.Ref
	at  events.Revision
}

// cache keeps decoded objects by their revision, which never change.
//
// It has two generations: what is used is moved to the young one; when that
// holds half the bytes allowed, the old one is dropped. A list order by use
// would need a write on every read for little more.
type cache struct {
	mu         sync.Mutex
	half       int
	bytes      int // of young
	young, old map[cacheKey]*view.Object
}

func newCache(limit int) *cache {
	return &cache{half: limit / 2, young: map[cacheKey]*view.Object{}}
}

func (c *cache) get(k cacheKey) *view.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.young[k]; o != nil {
		return o
	}
	o := c.old[k]
	if o != nil {
		c.keep(k, o)
	}
	return o
}

func (c *cache) put(k cacheKey, o *view.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(k, o)
}

func (c *cache) keep(k cacheKey, o *view.Object) {
	if c.bytes > c.half {
		c.old, c.young, c.bytes = c.young, map[cacheKey]*view.Object{}, 0
	}
	c.young[k] = o
	c.bytes += 2048 // facts and projected fields, roughly
	for _, p := range []*events.Part{o.Spec, o.Status} {
		if p != nil {
			c.bytes += len(p.Data)
		}
	}
}
