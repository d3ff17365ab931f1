// Package lru is a map that is bounded in bytes: it forgets what was not used for longest. Services remember in it what
// they would have to read again.
package lru

import "container/list"

// overhead is about what the map and the list take for an entry, in bytes.
const overhead = 200

// Cache is the map. It is not safe for concurrent use: whoever has one has a lock for it, because what is remembered
// and what changes it must be put in order anyhow.
type Cache[K comparable, V any] struct {
	limit, used int
	items       map[K]*list.Element
	order       *list.List // of *item, last used first
}

type item[K comparable, V any] struct {
	key   K
	value V
	size  int
}

// New returns a cache of about this many bytes. With none it remembers nothing.
func New[K comparable, V any](limit int) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, items: map[K]*list.Element{}, order: list.New()}
}

// Get returns what is remembered, and counts as use.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	e, ok := c.items[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*item[K, V]).value, true //nolint:forcetypeassert // only put adds to the list
}

// Put remembers a value of about this many bytes, with all it points to, and forgets others until there is room for it.
func (c *Cache[K, V]) Put(key K, value V, size int) {
	c.Remove(key)
	size += overhead
	c.items[key] = c.order.PushFront(&item[K, V]{key, value, size})
	c.used += size
	for c.used > c.limit {
		c.remove(c.order.Back())
	}
}

// Remove forgets a key.
func (c *Cache[K, V]) Remove(key K) {
	if e, ok := c.items[key]; ok {
		c.remove(e)
	}
}

// Clear forgets everything.
func (c *Cache[K, V]) Clear() {
	clear(c.items)
	c.order.Init()
	c.used = 0
}

func (c *Cache[K, V]) remove(e *list.Element) {
	it := c.order.Remove(e).(*item[K, V]) //nolint:forcetypeassert // only put adds to the list
	delete(c.items, it.key)
	c.used -= it.size
}
