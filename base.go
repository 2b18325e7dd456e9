package glipvk

import (
	"context"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/internal/compare"
)

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

// Devices lists the Vulkan devices, usable or not. See [engine.Devices].
func Devices() ([]engine.Info, error) { return engine.Devices() }

// OpenDevice opens the device that o.Device names without a model, to measure it; of the
// other options it heeds Precision, Validation and NoCache. The caller closes it. The error
// wraps [ErrInput] for an unknown device or precision.
func OpenDevice(ctx context.Context, o Options) (*executor.Executor, error) {
	return executor.OpenDevice(ctx, o.executor())
}

// base is what a backbone and a detector have in common: the executor's verbs, and the way
// from files and pictures to an input.
type base struct {
	*executor.Executor
	info    Info
	options Options
	prepare pipeline
}

// Info describes the model, with the architecture as the options changed it.
func (b *base) Info() Info { return b.info }

// Weights names the weights as the options did.
func (b *base) Weights() string { return b.options.label() }
