package store

import (
	"sync"

	"cairn/events"
)

type cacheKey struct {
	ref events.Ref
	at  events.Revision
}

// cache keeps decoded versions, which never change. Objects are put together from
// them, so that two moments of an object share what did not change between.
//
// It has two generations: what is used is moved to the young one; when that
// holds half the bytes allowed, the old one is dropped. A list order by use
// would need a write on every read for little more.
type cache struct {
	mu         sync.Mutex
	half       int
	bytes      int // of young
	young, old map[cacheKey]*version
}

func newCache(limit int) *cache {
	return &cache{half: limit / 2, young: map[cacheKey]*version{}}
}

func (c *cache) get(k cacheKey) *version {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.young[k]; v != nil {
		return v
	}
	v := c.old[k]
	if v != nil {
		c.keep(k, v)
	}
	return v
}

func (c *cache) put(k cacheKey, v *version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(k, v)
}

func (c *cache) keep(k cacheKey, v *version) {
	if c.bytes > c.half {
		c.old, c.young, c.bytes = c.young, map[cacheKey]*version{}, 0
	}
	c.young[k] = v
	c.bytes += 1024 + 2*v.bytes
}
