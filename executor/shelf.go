package executor

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Shelf keeps what is expensive to make, by key. Callers that want the same at the same time
// share one making of it, which goes on when the first of them leaves and is called off when
// the last does. Errors are not kept, the next caller tries again; a panic is an error of
// those who wait. What is beyond the limits of its room goes when nobody uses it, the least
// recently used first.
type Shelf[K comparable, V any] struct {
	room    *room
	make    func(ctx context.Context, key K, admit admission) (V, error)
	discard func(V) error
	held    map[K]*Item[V] // guarded by room.mu
}

// admission waits until there is room for something that takes so many bytes. The maker calls it once, before memory
// is taken, or never.
type admission func(ctx context.Context, bytes int64) error

// Item is something that a shelf gave out; the caller gives it back.
type Item[V any] struct {
	Value V
	err   error
	entry
}

func newShelf[K comparable, V any](r *room, make func(context.Context, K, admission) (V, error), discard func(V) error) *Shelf[K, V] {
	return &Shelf[K, V]{room: r, make: make, discard: discard, held: map[K]*Item[V]{}}
}

// Get returns what is kept for the key, made by f unless it is there or being made.
func (s *Shelf[K, V]) Get(ctx context.Context, key K, f func(context.Context) (V, error)) (*Item[V], error) {
	return s.get(ctx, key, func(ctx context.Context, _ K, _ admission) (V, error) { return f(ctx) })
}

// acquire is Get with the shelf's own way to make things.
func (s *Shelf[K, V]) acquire(ctx context.Context, key K) (*Item[V], error) {
	return s.get(ctx, key, s.make)
}

func (s *Shelf[K, V]) get(ctx context.Context, key K, f func(context.Context, K, admission) (V, error)) (*Item[V], error) {
	r := s.room
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, closed()
	}
	it := s.held[key]
	if it == nil {
		it = s.start(ctx, key, f)
	}
	r.clock++
	it.users, it.used = it.users+1, r.clock
	early := !it.done
	r.mu.Unlock()

	select {
	case <-it.ready:
	case <-ctx.Done():
		r.abandon(&it.entry, early)
		return nil, ctx.Err()
	}
	if it.err != nil {
		r.abandon(&it.entry, early)
		return nil, r.why(it.err)
	}
	if early && it.shared {
		return it, nil
	}
	if err := r.enter(ctx, &it.entry); err != nil {
		r.release(&it.entry, false)
		return nil, err
	}
	return it, nil
}

// Release gives an item back.
func (s *Shelf[K, V]) Release(it *Item[V]) { s.room.release(&it.entry, true) }

// start begins to make something. The room is locked.
func (s *Shelf[K, V]) start(ctx context.Context, key K, f func(context.Context, K, admission) (V, error)) *Item[V] {
	r := s.room
	// Others may wait for the result after this caller has gone.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	it := &Item[V]{entry: entry{ready: make(chan struct{}), cancel: cancel}}
	it.remove = func() {
		if s.held[key] == it {
			delete(s.held, key)
		}
	}
	it.discard = func() error { return s.discard(it.Value) }
	s.held[key] = it
	r.add(&it.entry)
	r.working.Add(1)
	go func() {
		defer r.working.Done()
		admitted := false
		value, err := guarded(func() (V, error) {
			return f(ctx, key, func(ctx context.Context, bytes int64) error {
				err := r.admit(ctx, &it.entry, bytes)
				admitted = err == nil
				return err
			})
		})
		it.Value, it.err = value, err
		r.settle(&it.entry, err, admitted)
	}()
	return it
}

// guarded turns a panic of f into an error.
func guarded[V any](f func() (V, error)) (value V, err error) {
	done := false
	defer func() {
		if !done {
			err = fmt.Errorf("glipvk: a defect of ours, please report it: %v\n%s", recover(), debug.Stack())
		}
	}()
	value, err = f()
	done = true
	return value, err
}

// Apart runs f, which is short as a rule and cannot be called off, and leaves it to itself when
// ctx ends. A panic of f is an error.
func Apart[V any](ctx context.Context, f func() (V, error)) (V, error) {
	if ctx.Done() == nil {
		return guarded(f)
	}
	type result struct {
		value V
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := guarded(f)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// Forget drops everything: what is in use, and what is being made, once it is given back.
func (s *Shelf[K, V]) Forget() {
	s.room.tidy(func() {
		for _, it := range s.held {
			it.forgotten = true
		}
		clear(s.held)
	})
}

// Drop is Forget for one key.
func (s *Shelf[K, V]) Drop(key K) {
	s.room.tidy(func() {
		if it := s.held[key]; it != nil {
			s.room.forget(&it.entry)
		}
	})
}

// Has says whether something is kept for the key, or being made.
func (s *Shelf[K, V]) Has(key K) bool {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	return s.held[key] != nil
}

// Sum adds up something of all that is kept and was made.
func (s *Shelf[K, V]) Sum(of func(V) int64) (sum int64) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	for _, it := range s.held {
		if it.done && !it.failed {
			sum += of(it.Value)
		}
	}
	return sum
}
