package executor

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/turn"
)

// Executor is a device with one set of weights. All its methods may be called from several
// goroutines.
type Executor struct {
	at       atomic.Pointer[place]
	moving   *turn.Lock // held while the place changes
	options  Options
	graph    *graph.Graph // of the weights
	source   Source       // for the oracle and another place: tensors are read again
	programs *room
	result   func() error // what Close returns, once it has done its work
	made     atomic.Int64 // programs

	mu    sync.Mutex
	rooms map[*room]struct{} // of shelves besides programs, and of parts that keep values
}

// Device says where the model runs.
func (e *Executor) Device() DeviceInfo {
	if e.never() {
		return DeviceInfo{}
	}
	return e.at.Load().device
}

// enter begins a call where the executor is.
func (e *Executor) enter(ctx context.Context) (call, *place, error) {
	for {
		at := e.at.Load()
		c, err := at.enter(ctx)
		if err == nil || e.at.Load() == at {
			return c, at, err
		}
	}
}

// never says whether an executor was not opened.
func (e *Executor) never() bool { return e == nil || e.at.Load() == nil }

// Live is the number of Vulkan objects that exist because of the executor: 0 on the CPU
// and after Close. It is how tests see leaks.
func (e *Executor) Live() int {
	if e.never() {
		return 0
	}
	return e.at.Load().backend.live()
}

// Made is how many programs were made, each for a size.
func (e *Executor) Made() int64 {
	if e.never() {
		return 0
	}
	return e.made.Load()
}

// Place copies data to where the executor has its memory, as results of [Part.Run] are.
func (e *Executor) Place(ctx context.Context, data []float32) (v Value, err error) {
	if e.never() {
		return v, e.Close()
	}
	c, at, err := e.enter(ctx)
	if err != nil {
		return v, err
	}
	v, err = at.backend.place(c.ctx, data)
	return v, c.leave(err)
}

// DropPrograms gives up the programs that are kept, and those in use once they are given back: for a device
// that has run out of memory, before one tries again.
func (e *Executor) DropPrograms() {
	if e.never() {
		return
	}
	e.programs.renounce()
}

// Close ends the calls under way, then gives back programs, values, weights and device. Later
// calls fail with [ErrClosed]; a second Close returns what the first did.
func (e *Executor) Close() error {
	if e.never() {
		return unopened()
	}
	e.at.Load().begin(nil)
	_ = e.moving.Acquire(context.Background())
	e.at.Load().end(nil)
	e.moving.Release()
	return e.result()
}

// giveBack is the work of Close.
func (e *Executor) giveBack() error {
	var errs []error
	e.mu.Lock()
	rooms := append(slices.Collect(maps.Keys(e.rooms)), e.programs)
	e.mu.Unlock()
	for _, r := range rooms {
		errs = append(errs, r.close())
	}
	return errors.Join(append(errs, e.at.Load().close(), release(e.source))...)
}

// release closes what is there to be closed.
func release(src Source) error {
	if c, ok := src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// CloseWithin is Close for the end of a program: once ctx is done it waits for the
// grace only, since a device cannot be told to drop submitted work, which may take
// minutes. What it leaves behind then, the system takes back when the process ends.
func (e *Executor) CloseWithin(ctx context.Context, grace time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- e.Close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return nil
	}
}

// NewShelf makes a shelf of so many results at most. It is emptied when e closes.
func NewShelf[K comparable, V any](e *Executor, limit int, discard func(V) error) *Shelf[K, V] {
	return newShelf[K](e.room(limit), nil, discard)
}

// room is one of its own, which Close closes if nobody does before.
func (e *Executor) room(limit int) *room {
	r := &room{limit: limit}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rooms == nil {
		e.rooms = map[*room]struct{}{}
	}
	e.rooms[r] = struct{}{}
	return r
}

// vacate closes a room before Close does. Once ctx has ended it waits for nobody, neither for
// who makes something nor for the device: Close does.
func (e *Executor) vacate(ctx context.Context, r *room) error {
	r.callOff()
	_, err := Apart(ctx, func() (struct{}, error) {
		err := r.close() // before Close may miss it
		e.mu.Lock()
		delete(e.rooms, r)
		e.mu.Unlock()
		return struct{}{}, err
	})
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it is under way
	}
	return err
}
