package executor

import (
	"context"
	"errors"
	"slices"
	"sync"
)

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

// renounce lets no key find any more what is in a room, or being made for it.
func (r *room) renounce() {
	r.tidy(func() {
		for e := range r.entries {
			r.forget(e)
		}
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

// empty gives back what nobody uses.
func (r *room) empty() {
	r.tidy(func() {
		for e := range r.entries {
			if e.users == 0 && e.done && !e.forgotten {
				r.forget(e)
			}
		}
	})
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
