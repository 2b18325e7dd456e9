package glipvk

import (
	"fmt"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/internal/compare"
)

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

// unopened is the error of what is nil, or was not made by the function that opens it.
func unopened(what, opener string) error {
	return fmt.Errorf("glipvk: this %s was never opened, it comes from %s: %w", what, opener, ErrClosed)
}

// blame marks err, if any, as caused by the caller's input.
func blame(err error) error { return executor.Blame(err) }

// What the executor's options and results are called here.
type (
	DeviceInfo = executor.DeviceInfo
	Precision  = executor.Precision
	Tuning     = executor.Tuning
	Trial      = executor.Trial
	Timing     = executor.Timing
	Stats      = executor.Stats
	Bounds     = compare.Bounds
	Difference = compare.Difference
)

// The precisions that [Options] may ask for.
const (
	F32           = executor.F32
	F16           = executor.F16
	AutoPrecision = executor.AutoPrecision
)

// ParsePrecision reads the name of a precision; "" is [F32]. The error wraps [ErrInput].
func ParsePrecision(s string) (Precision, error) { return executor.ParsePrecision(s) }
