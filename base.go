package glipvk

import (
	"context"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// Devices lists the Vulkan devices, usable or not. See [engine.Devices].
func Devices() ([]engine.Info, error) { return engine.Devices() }

// OpenDevice opens the device that o.Device names without a model, to measure it; of the
// other options it heeds Precision, Validation and NoCache. The caller closes it. The error
// wraps [ErrInput] for an unknown device or precision.
func OpenDevice(ctx context.Context, o Options) (*executor.Executor, error) {
	if err := o.check(); err != nil {
		return nil, blame(err)
	}
	return executor.OpenDevice(ctx, o.Executor())
}

// pipeline takes a picture to a model's input.
type pipeline interface {
	Apply(context.Context, picture.Picture) (picture.Input, error)
}

// base is what a backbone and a detector have in common: the device with the weights, and the way
// from files and pictures to an input.
type base struct {
	exec    *executor.Executor
	info    Info
	options Options
	prepare pipeline
	notes   []string
}

// weights names them.
func (b *base) weights() string {
	if b.exec == nil {
		return b.options.Weights
	}
	return b.options.WeightsName()
}
