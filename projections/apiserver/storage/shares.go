package storage

import (
	"container/list"
	"sync"
)

// shares keeps objects on their way to many watchers; the least recently used
// go first. What goes is made again by who still wants it.
type shares struct {
	mu    sync.Mutex
	limit int // bytes
	held  int // Invariant: the sum of weights of what is in order
	by    map[sharedKey]*list.Element
	order *list.List
}

type share struct {
	key    sharedKey
	object *shared
	weight int
}

func newShares(limit int) *shares {
	return &shares{limit: limit, by: map[sharedKey]*list.Element{}, order: list.New()}
}

func (c *shares) get(k sharedKey) *shared {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*share).object
}

// put adds s, unless there is one already: that is the answer then.
func (c *shares) put(k sharedKey, s *shared, weight int) *shared {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[k]; e != nil {
		return e.Value.(*share).object
	}
	c.by[k] = c.order.PushFront(&share{k, s, weight})
	c.held += weight
	c.trim()
	return s
}

// grow notes that an encoding of that many bytes was made of s.
func (c *shares) grow(k sharedKey, s *shared, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[k]
	if e == nil || e.Value.(*share).object != s {
		return
	}
	e.Value.(*share).weight += bytes
	c.held += bytes
	c.trim()
}

func (c *shares) trim() {
	for c.held > c.limit && c.order.Len() > 0 {
		last := c.order.Remove(c.order.Back()).(*share)
		delete(c.by, last.key)
		c.held -= last.weight
		last.object.forget() // who still waits to send it holds the object alone
	}
}
