package executor

import (
	"errors"

	"github.com/glipvk/glipvk/engine"
)

var (
	// ErrInput is wrapped by every error that the caller's input causes: an unknown
	// model or device, a damaged file, sizes that do not fit, a value out of range.
	// Remedy: the message says what was expected. Errors without it, and without
	// [ErrClosed] or a context's error, are failures of ours or of the device.
	ErrInput = errors.New("bad input")

	// ErrClosed is wrapped by calls on a model after its Close, and by those that Close
	// ended. Remedy: open it again.
	ErrClosed = errors.New("the model is closed")
)

// inputError marks an error as caused by the caller without changing its text.
type inputError struct{ error }

// Unwrap implements the interface of package errors.
func (e inputError) Unwrap() []error { return []error{ErrInput, e.error} }

// Blame marks err, if any, as caused by the caller's input.
func Blame(err error) error {
	if err == nil || errors.Is(err, ErrInput) {
		return err
	}
	return inputError{err}
}

// shortage is that of the host's memory where a device has its own there.
type shortage struct{ error }

// Unwrap implements the interface of package errors.
func (s shortage) Unwrap() []error { return []error{s.error, engine.ErrOutOfMemory} }
