package glipvk

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// These are a method each of the two models, not promoted ones: what is nil answers too, and says nothing.

// own is what a model has in common with the other; of nil, nothing.
func (b *Backbone) own() *base {
	if b == nil {
		return &base{}
	}
	return &b.base
}

func (d *Detector) own() *base {
	if d == nil {
		return &base{}
	}
	return &d.base
}

// Info describes the model, with the architecture as the options changed it.
func (b *Backbone) Info() Info { return b.own().info }

// Info describes the model, with the architecture as the options changed it.
func (d *Detector) Info() Info { return d.own().info }

// Weights names the weights as the options did, those by formula with their seed: "synthetic:0".
func (b *Backbone) Weights() string { return b.own().weights() }

// Weights names the weights as the options did, those by formula with their seed: "synthetic:0".
func (d *Detector) Weights() string { return d.own().weights() }

// Notes are sentences on what a user should know of the weights: what was chosen of a file, and
// what looks suspicious in it.
func (b *Backbone) Notes() []string { return slices.Clone(b.own().notes) }

// Notes are sentences on what a user should know of the weights: what was chosen of a file, and
// what looks suspicious in it.
func (d *Detector) Notes() []string { return slices.Clone(d.own().notes) }

// Executor is the device with the weights on it, to measure it; nil where there is none.
func (b *Backbone) Executor() *executor.Executor { return b.own().exec }

// Executor is the device with the weights on it, to measure it; nil where there is none.
func (d *Detector) Executor() *executor.Executor { return d.own().exec }

// Device says where the model runs.
func (b *Backbone) Device() DeviceInfo { return b.own().exec.Device() }

// Device says where the model runs.
func (d *Detector) Device() DeviceInfo { return d.own().exec.Device() }

// Close ends the calls under way with [ErrClosed] and gives everything back. Later calls fail; a
// second Close returns what the first did.
func (b *Backbone) Close() error { return b.own().exec.Close() }

// Close ends the calls under way with [ErrClosed] and gives everything back. Later calls fail; a
// second Close returns what the first did.
func (d *Detector) Close() error { return d.own().exec.Close() }

// CloseWithin is Close for the end of a program. See [executor.Executor.CloseWithin].
func (b *Backbone) CloseWithin(ctx context.Context, grace time.Duration) error {
	return b.own().exec.CloseWithin(ctx, grace)
}

// CloseWithin is Close for the end of a program. See [executor.Executor.CloseWithin].
func (d *Detector) CloseWithin(ctx context.Context, grace time.Duration) error {
	return d.own().exec.CloseWithin(ctx, grace)
}

// Preprocess takes pictures through the model's pipeline. They must have one size after it;
// the error names the picture that has another and wraps [ErrInput].
func (b *Backbone) Preprocess(pictures ...picture.Picture) (picture.Input, error) {
	return b.own().preprocess(context.Background(), pictures...)
}

// Preprocess takes pictures through the model's pipeline. They must have one size after it;
// the error names the picture that has another and wraps [ErrInput].
func (d *Detector) Preprocess(pictures ...picture.Picture) (picture.Input, error) {
	return d.own().preprocess(context.Background(), pictures...)
}

// Files are the elements of a stream that reads pictures and .npy tensors. Their errors name the
// file and wrap [ErrInput].
func (b *Backbone) Files(paths ...string) iter.Seq[Load] { return b.own().files(paths) }

// Files are the elements of a stream that reads pictures and .npy tensors. Their errors name the
// file and wrap [ErrInput].
func (d *Detector) Files(paths ...string) iter.Seq[Load] { return d.own().files(paths) }

// Pictures are the elements of a stream of pictures that are decoded already.
func (b *Backbone) Pictures(pictures ...picture.Picture) iter.Seq[Load] {
	return b.own().pictures(pictures)
}

// Pictures are the elements of a stream of pictures that are decoded already.
func (d *Detector) Pictures(pictures ...picture.Picture) iter.Seq[Load] {
	return d.own().pictures(pictures)
}
