package glipvk

import (
	"errors"
)

var (
	// ErrInput is wrapped by every error that the caller's input causes: an unknown
	// model or device, a damaged file, sizes that do not fit, a value out of range.
	// Remedy: the message says what was expected. Errors without it, and without
	// [ErrClosed] or a context's error, are failures of ours or of the device.
	ErrInput = errors.New("bad input")

	// ErrClosed is wrapped by calls on a [Model] after its Close. Remedy: open it again.
	ErrClosed = errors.New("the model is closed")
)

// inputError marks an error as caused by the caller without changing its text.
type inputError struct{ error }

// Unwrap implements the interface of package errors.
func (e inputError) Unwrap() []error { return []error{ErrInput, e.error} }

// blame marks err, if any, as caused by the caller's input.
func blame(err error) error {
	if err == nil {
		return nil
	}
	return inputError{err}
}
