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

// Types that other packages own and users of this one meet.
type (
	// DeviceInfo says where a model runs: Name, Vulkan (nil on the CPU), Fallback (why it is
	// the CPU, where a GPU was looked for), Precision in use, and PrecisionReason.
	DeviceInfo = executor.DeviceInfo

	// OnLost is what becomes of a model whose device is lost: [LostStop] or [LostCPU].
	OnLost = executor.OnLost

	// Precision is [F32], [F16] or [AutoPrecision].
	Precision = executor.Precision

	// Tuning says how kernels are chosen on a Vulkan device: by measuring, within a budget of
	// time, unless it is Off. Results are right whatever is chosen.
	Tuning = executor.Tuning

	// Trial is one candidate that was measured: Shape, Candidate, Duration, GFLOPS, Won.
	Trial = executor.Trial

	// Timing is what one dispatch took: Part of the model, Path in the graph, Kernel, Duration,
	// FLOPs and Bytes.
	Timing = executor.Timing

	// Stats says what a program is made of: dispatches, barriers, submissions, bytes of memory
	// by what they are for, floating-point operations.
	Stats = executor.Stats

	// Bounds say how far a value may lie from the wanted one: RelativeL2 of the whole,
	// RelativeAbsolute and Absolute of the largest difference.
	Bounds = compare.Bounds

	// Difference is how far a value lies from the CPU reference's: Name, RelativeL2, MaxAbs,
	// AbsMax (the largest wanted element), NonFinite, and the Bounds Allowed, which OK judges by.
	Difference = compare.Difference
)

// The precisions that [Options] may ask for.
const (
	F32           = executor.F32
	F16           = executor.F16
	AutoPrecision = executor.AutoPrecision
)

// What becomes of a model whose device is lost.
const (
	LostStop = executor.LostStop // calls fail with [engine.ErrDeviceLost] until it is opened again
	LostCPU  = executor.LostCPU  // it goes on on the CPU; a [Sight] is looked at anew by whoever holds it
)

// ParseOnLost reads one of them; "" is [LostStop]. The error wraps [ErrInput].
func ParseOnLost(s string) (OnLost, error) { return executor.ParseOnLost(s) }

// ParsePrecision reads the name of a precision; "" is [F32]. The error wraps [ErrInput].
func ParsePrecision(s string) (Precision, error) { return executor.ParsePrecision(s) }
