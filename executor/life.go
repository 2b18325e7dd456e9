package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// life knows the calls under way and ends them.
type life struct {
	base context.Context // ends when the end begins
	stop context.CancelFunc

	mu     sync.Mutex
	active int           // calls under way
	idle   chan struct{} // closed when the last call has left after the end began
	closed bool
	why    error // what calls fail with that the end ends; nil: the executor was closed
}

func newLife() *life {
	l := &life{idle: make(chan struct{})}
	l.base, l.stop = context.WithCancel(context.Background())
	return l
}

// end lets nobody in any more, ends the calls under way and waits for them. They fail with why, nil for [ErrClosed].
func (l *life) end(why error) {
	l.begin(why)
	<-l.idle
}

// begin is end without the wait.
func (l *life) begin(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed, l.why = true, why
	l.stop()
	if l.active == 0 {
		close(l.idle)
	}
}

// over is the error of calls after the end.
func (l *life) over() error {
	if l.why != nil {
		return l.why
	}
	return closed()
}

// call is one call under way.
type call struct {
	ctx    context.Context // ends with the caller's, and when the executor closes
	caller context.Context
	cancel context.CancelFunc // nil where ctx is the executor's own
	of     *life
}

// enter begins a call, leave ends it. A context that cannot end costs no memory.
func (l *life) enter(ctx context.Context) (call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return call{}, l.over()
	}
	l.active++
	if ctx.Done() == nil {
		return call{ctx: l.base, caller: ctx, of: l}, nil
	}
	joined, cancel := l.join(ctx)
	return call{ctx: joined, caller: ctx, cancel: cancel, of: l}, nil
}

// join is a context that ends with ctx and when Close begins.
func (l *life) join(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.base, cancel)
	return ctx, func() { stop(); cancel() }
}

// leave ends a call and says of an error what it was: Close is told from the caller's leaving.
func (c call) leave(err error) error {
	if c.cancel != nil {
		c.cancel()
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if err != nil && c.of.closed && c.caller.Err() == nil && (c.of.why != nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed)) {
		err = c.of.over()
	}
	c.of.active--
	if c.of.closed && c.of.active == 0 {
		close(c.of.idle) // from here on Close calls off what the caller's context may be of
	}
	return err
}

func closed() error { return fmt.Errorf("glipvk: %w; open it again", ErrClosed) }

func unopened() error { return fmt.Errorf("glipvk: it was never opened: %w", ErrClosed) }
