package executor

import (
	"sync"
	"sync/atomic"
)

// lent is memory of the host that a program made a value in. It is counted, as a [vulkan.Value] is, and goes back to the
// program after the last use.
type lent struct {
	users  atomic.Int64
	closed atomic.Bool

	mu   sync.Mutex
	data []float32 // nil when it is another's
	back func(data []float32)
}

// lend counts one use, which close ends.
func lend(data []float32, back func([]float32)) *lent {
	l := &lent{data: data, back: back}
	l.users.Store(1)
	return l
}

// close gives the value up; closing again does nothing.
func (l *lent) close() {
	if !l.closed.Swap(true) {
		l.release()
	}
}

// hold keeps the memory until release, unless the value was closed.
func (l *lent) hold() bool {
	l.users.Add(1)
	if l.closed.Load() {
		l.release()
		return false
	}
	return true
}

// moved says that the memory is another value's now.
func (l *lent) moved() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data = nil
}

// release is the end of a use.
func (l *lent) release() {
	if l.users.Add(-1) > 0 {
		return
	}
	l.mu.Lock()
	data := l.data
	l.data = nil
	l.mu.Unlock()
	if data != nil {
		l.back(data)
	}
}
