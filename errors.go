package glipvk

import "github.com/glipvk/glipvk/executor"

var (
	// ErrInput is wrapped by every error that the caller's input causes: an unknown
	// model or device, a damaged file, sizes that do not fit, a value out of range.
	// Remedy: the message says what was expected. Errors without it, and without
	// [ErrClosed] or a context's error, are failures of ours or of the device.
	ErrInput = executor.ErrInput

	// ErrClosed is wrapped by calls on a model after its Close, and by calls that Close
	// ended. Remedy: open it again.
	ErrClosed = executor.ErrClosed
)

// blame marks err, if any, as caused by the caller's input.
func blame(err error) error { return executor.Blame(err) }
