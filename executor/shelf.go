package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
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

// room bounds what the shelves in it keep together, and what of it is in use at one time.
type room struct {
	limit   int   // results
	bytes   int64 // of all, and of those in use; 0 for no bound
	atLeast int   // results that stay whatever they take

	mu      sync.Mutex
	entries map[*entry]struct{}
	clock   int64     // counts uses
	using   int64     // bytes of what is in use
	waiting []*ticket // for room, the first in front
	working sync.WaitGroup
	closed  bool
	errs    []error // of discards

	closing sync.Mutex // held by close: a second one returns when the first is done
}

// entry is what a room knows of an item.
type entry struct {
	bytes     int64
	users     int   // callers that hold it or wait for it
	running   int   // those that were let in
	used      int64 // clock of the last use
	forgotten bool  // no key finds it any more
	ready     chan struct{}
	done      bool // ready is closed
	failed    bool
	shared    bool // those who waited when it was done were let in with it
	cancel    context.CancelFunc
	remove    func() // from its shelf
	discard   func() error
}

// ticket is somebody who waits for room.
type ticket struct {
	entry *entry
	let   chan struct{} // closed when there is room
}

func (r *room) add(e *entry) {
	if r.entries == nil {
		r.entries = map[*entry]struct{}{}
	}
	r.entries[e] = struct{}{}
}

// admit says what e will take, and waits until it may.
func (r *room) admit(ctx context.Context, e *entry, bytes int64) error {
	r.mu.Lock()
	e.bytes = bytes
	r.mu.Unlock()
	if err := r.enter(ctx, e); err != nil {
		return err
	}
	r.tidy(func() {}) // before what replaces it is made
	return nil
}

// enter waits until what e takes may be in use. Those who came before go first, also where e
// is in use already: two who take turns with it would keep them out for ever.
func (r *room) enter(ctx context.Context, e *entry) error {
	r.mu.Lock()
	if len(r.waiting) == 0 && r.fits(e) {
		r.let(e)
		r.mu.Unlock()
		return nil
	}
	t := &ticket{e, make(chan struct{})}
	r.waiting = append(r.waiting, t)
	r.mu.Unlock()
	select {
	case <-t.let:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, t); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
		r.grant() // those behind may fit
	} else {
		r.leave(e)
	}
	return ctx.Err()
}

// The following are called with the room locked.

// fits says whether e may be in use beside what is.
func (r *room) fits(e *entry) bool {
	return e.running > 0 || r.bytes == 0 || r.using == 0 || r.using+e.bytes <= r.bytes
}

func (r *room) let(e *entry) {
	if e.running == 0 {
		r.using += e.bytes
	}
	e.running++
}

func (r *room) leave(e *entry) {
	e.running--
	if e.running == 0 {
		r.using -= e.bytes
		r.grant()
	}
}

// grant lets in who waits, in order, as long as there is room.
func (r *room) grant() {
	for len(r.waiting) > 0 {
		t := r.waiting[0]
		if !r.fits(t.entry) {
			return
		}
		r.waiting = r.waiting[1:]
		r.let(t.entry)
		close(t.let)
	}
}

// forget lets no key find e any more.
func (r *room) forget(e *entry) {
	e.forgotten = true
	e.remove()
}

// surplus takes out what nobody can reach or use any more, and the least recently used
// beyond the limits.
func (r *room) surplus() []*entry {
	var doomed []*entry
	for e := range r.entries {
		if e.forgotten && e.done && e.users == 0 {
			doomed = append(doomed, e)
			delete(r.entries, e)
		}
	}
	for r.crowded() {
		var oldest *entry
		for e := range r.entries {
			if e.users == 0 && e.done && (oldest == nil || e.used < oldest.used) {
				oldest = e
			}
		}
		if oldest == nil {
			break // all are in use
		}
		r.forget(oldest)
		delete(r.entries, oldest)
		doomed = append(doomed, oldest)
	}
	return doomed
}

// crowded says whether more is kept than there may be. What is being made counts by the
// bytes it asked for, and not as a result.
func (r *room) crowded() bool {
	var bytes int64
	results := 0
	for e := range r.entries {
		bytes += e.bytes
		if e.done {
			results++
		}
	}
	return r.closed || results > r.limit || r.bytes > 0 && bytes > r.bytes && len(r.entries) > r.atLeast
}

// settle notes that an item was made, or could not be.
func (r *room) settle(e *entry, err error, admitted bool) {
	r.tidy(func() {
		e.done, e.failed = true, err != nil
		if e.failed {
			r.forget(e)
		}
		r.clock++
		e.used = r.clock // what took long is not dropped for that
		if admitted {
			if e.shared = !e.failed; e.shared {
				e.running += e.users
			}
			r.leave(e)
		}
		close(e.ready)
	})
}

// tidy changes the room, which is locked meanwhile, and gives back what is then too much.
func (r *room) tidy(change func()) {
	r.mu.Lock()
	change()
	doomed := r.surplus()
	r.mu.Unlock()
	r.dispose(doomed)
}

// release takes back what get gave; entered says that it was let in.
func (r *room) release(e *entry, entered bool) {
	r.tidy(func() { r.drop(e, entered) })
}

// abandon is release by one who did not wait for the end of the making, or found it failed;
// early says that it was not made when he came.
func (r *room) abandon(e *entry, early bool) {
	r.tidy(func() { r.drop(e, early && e.shared) })
}

// drop is release with the room locked.
func (r *room) drop(e *entry, entered bool) {
	if entered {
		r.leave(e)
	}
	e.users--
	if e.users == 0 && !e.done {
		r.forget(e) // a newcomer must not wait for what was called off
		e.cancel()
	}
}

// dispose gives back what nobody can reach any more.
func (r *room) dispose(doomed []*entry) {
	for _, e := range doomed {
		e.cancel()
		if e.failed {
			continue
		}
		if err := e.discard(); err != nil {
			r.mu.Lock()
			r.errs = append(r.errs, err)
			r.mu.Unlock()
		}
	}
}

// why says of a making that was called off whether the end of the room did it.
func (r *room) why(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed && errors.Is(err, context.Canceled) {
		return closed()
	}
	return err
}

// callOff lets nobody in any more and calls off what is being made.
func (r *room) callOff() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for e := range r.entries {
		e.cancel()
	}
}

// close gives everything back. Nobody uses anything any more; what is being made is called off.
func (r *room) close() error {
	r.closing.Lock()
	defer r.closing.Unlock()
	r.callOff()
	r.working.Wait()
	r.tidy(func() {})
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}
