package queue

import (
	"fmt"
	"runtime/debug"
)

// UnitError is why a request failed: one of its units could not be prepared or computed.
type UnitError struct {
	Unit int // of the request, from 0
	Err  error
}

// Error says which unit failed and why.
func (e *UnitError) Error() string { return fmt.Sprintf("unit %d: %v", e.Unit, e.Err) }

// Unwrap is why.
func (e *UnitError) Unwrap() error { return e.Err }

// Panic is a panic of a function that the queue was given, as an error for the log.
type Panic struct {
	Value any
	Stack []byte
}

// Error has the stack: it is for the log, not for a client.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// panicked is a panic that was just recovered from.
func panicked(v any) error { return &Panic{v, debug.Stack()} }
