package glipvk

import (
	"context"
	"sync"
)

// memo keeps the latest results of something expensive. Callers that want the same
// result at the same time share one computation. What is being computed does not count
// towards the limit and is not dropped.
type memo[K comparable, V any] struct {
	limit int

	mu    sync.Mutex
	held  map[K]*kept[V]
	clock int64 // counts uses
}

// kept is one result, perhaps still being computed.
type kept[V any] struct {
	value V
	err   error
	ready chan struct{} // closed when value or err is set
	used  int64         // clock of the last use
}

func newMemo[K comparable, V any](limit int) *memo[K, V] {
	return &memo[K, V]{limit: limit, held: map[K]*kept[V]{}}
}

// get returns the result for a key, computed by f unless it is there; fresh says that
// this call computed it. Errors are not kept: the next caller tries again, and so does
// one that waited while another's computation was cancelled.
func (m *memo[K, V]) get(ctx context.Context, key K, f func() (V, error)) (value V, fresh bool, err error) {
	for {
		m.mu.Lock()
		m.clock++
		k := m.held[key]
		if k == nil {
			k = &kept[V]{ready: make(chan struct{}), used: m.clock}
			m.held[key] = k
			m.mu.Unlock()
			return m.fill(key, k, f)
		}
		k.used = m.clock
		m.mu.Unlock()
		select {
		case <-k.ready:
		case <-ctx.Done():
			return value, false, ctx.Err()
		}
		if k.err == nil {
			return k.value, false, nil
		}
		if err := ctx.Err(); err != nil {
			return value, false, err
		}
	}
}

// fill computes the result of k.
func (m *memo[K, V]) fill(key K, k *kept[V], f func() (V, error)) (V, bool, error) {
	k.value, k.err = f()
	m.mu.Lock()
	if k.err != nil && m.held[key] == k {
		delete(m.held, key)
	}
	close(k.ready)
	m.clock++
	k.used = m.clock // what took long is not dropped for that
	for m.drop() {
	}
	m.mu.Unlock()
	return k.value, true, k.err
}

// drop forgets the result whose last use is longest ago, where there are more than the
// limit. The lock is held.
func (m *memo[K, V]) drop() bool {
	var oldest K
	results, used := 0, m.clock+1
	for key, k := range m.held {
		select {
		case <-k.ready:
		default:
			continue
		}
		results++
		if k.used < used {
			oldest, used = key, k.used
		}
	}
	if results <= m.limit {
		return false
	}
	delete(m.held, oldest)
	return true
}

// forget drops all results, and those under way once they are handed out.
func (m *memo[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.held)
}
