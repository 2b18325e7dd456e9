package glipvk

import (
	"context"
	"fmt"
	"slices"

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
	return executor.OpenDevice(ctx, o.executor())
}

// pipeline takes a picture to a model's input.
type pipeline interface {
	Apply(context.Context, picture.Picture) (picture.Input, error)
}

// base is what a backbone and a detector have in common: the executor's verbs, and the way
// from files and pictures to an input.
type base struct {
	*executor.Executor
	info    Info
	options Options
	prepare pipeline
	notes   []string
}

// Notes are sentences on what a user should know of the weights: what was chosen of a file, and
// what looks suspicious in it.
func (b *base) Notes() []string { return slices.Clone(b.notes) }

// Info describes the model, with the architecture as the options changed it.
func (b *base) Info() Info { return b.info }

// Weights names the weights as the options did, those by formula with their seed: "synthetic:0".
func (b *base) Weights() string {
	if seed, formula, err := syntheticSeed(b.options.Weights); formula && err == nil {
		return fmt.Sprintf("synthetic:%d", seed)
	}
	return b.options.Weights
}
