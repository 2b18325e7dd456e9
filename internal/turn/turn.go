// Package turn has a lock whose waiters may leave.
package turn

import "context"

// Lock lets one holder in at a time. Make it with [New].
type Lock struct{ free chan struct{} }

// New is a lock that nobody holds.
func New() *Lock {
	l := &Lock{make(chan struct{}, 1)}
	l.free <- struct{}{}
	return l
}

// Acquire waits for the lock. The error is the context's: then the lock is not held. A
// context that has ended gets no lock, free or not.
func (l *Lock) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-l.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release gives the lock back.
func (l *Lock) Release() { l.free <- struct{}{} }
