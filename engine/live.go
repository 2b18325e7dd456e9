package engine

import (
	"maps"
	"sync"
)

// counter counts the Vulkan objects alive, by kind.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) add(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	if c.counts[kind] += n; c.counts[kind] == 0 {
		delete(c.counts, kind)
	}
}

func (c *counter) total() int {
	n := 0
	for _, k := range c.byKind() {
		n += k
	}
	return n
}

func (c *counter) byKind() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}
