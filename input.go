package glipvk

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// preprocess takes pictures through the model's pipeline, and heeds a context between rows of pixels.
func (b *base) preprocess(ctx context.Context, pictures ...picture.Picture) (picture.Input, error) {
	if b.prepare == nil {
		return picture.Input{}, unopened("model", "OpenBackbone or OpenDetector")
	}
	inputs := make([]picture.Input, len(pictures))
	for i, p := range pictures {
		in, err := b.prepare.Apply(ctx, p)
		if err != nil {
			if len(pictures) > 1 {
				err = fmt.Errorf("glipvk: picture %d: %w", i, err)
			}
			return picture.Input{}, blame(err)
		}
		if first := inputs[0]; i > 0 && (in.Height != first.Height || in.Width != first.Width) {
			return picture.Input{}, blame(fmt.Errorf("glipvk: picture %d becomes %dx%d, picture 0 %dx%d: pictures of a batch must have one size; "+
				"set the Size of the options, compute them one by one, or use Stream", i, in.Height, in.Width, first.Height, first.Width))
		}
		inputs[i] = in
	}
	return picture.Stack(inputs...), nil
}

// check refuses inputs that are not what they say.
func (b *base) check(in picture.Input) error {
	if in.Batch < 1 || in.Height < 1 || in.Width < 1 || len(in.Data) != in.Batch*3*in.Height*in.Width {
		return blame(fmt.Errorf("glipvk: a tensor of %d values for shape [%d 3 %d %d], want at least one picture and as many values as the shape says",
			len(in.Data), in.Batch, in.Height, in.Width))
	}
	if len(in.Views) > 0 && len(in.Views) != in.Batch {
		return blame(fmt.Errorf("glipvk: %d views of %d pictures, want one of each, or none", len(in.Views), in.Batch))
	}
	for i, v := range in.Views {
		if c := v.Content; c.Height < 1 || c.Height > in.Height || c.Width < 1 || c.Width > in.Width || v.Original.Height < 1 || v.Original.Width < 1 {
			return blame(fmt.Errorf("glipvk: picture %d: %d x %d of an input of %d x %d show a picture of %d x %d: want from 1 x 1 to the input's size",
				i, c.Height, c.Width, in.Height, in.Width, v.Original.Height, v.Original.Width))
		}
	}
	if b.options.AllowNonFinite || finite(in.Data) {
		return nil
	}
	if i := slices.IndexFunc(in.Data, func(v float32) bool { return v-v != 0 }); i >= 0 {
		return blame(fmt.Errorf("glipvk: element %d of the input tensor [%d 3 %d %d] is %v, want finite values",
			i, in.Batch, in.Height, in.Width, in.Data[i]))
	}
	return nil
}

// finite says whether there is neither NaN nor infinity: times 0 they are NaN, and a
// sum keeps it. Four sums at a time take a third of the time of a comparison each,
// which a call on a large picture would notice.
func finite(data []float32) bool {
	var a, b, c, d float32
	for ; len(data) >= 8; data = data[8:] {
		x := (*[8]float32)(data)
		a += x[0]*0 + x[4]*0
		b += x[1]*0 + x[5]*0
		c += x[2]*0 + x[6]*0
		d += x[3]*0 + x[7]*0
	}
	for _, v := range data {
		a += v * 0
	}
	return a+b+c+d == 0
}

// checkFinite refuses results that weights or a picture without numbers brought about.
func (b *base) checkFinite(what string, data []float32) error {
	if finite(data) {
		return nil
	}
	return blame(fmt.Errorf("glipvk: %s of %s with weights %s: not all numbers are finite; the weights are damaged, or their training diverged",
		what, b.info.Name, b.weights()))
}

// Load supplies one element of a stream: it reads a picture and takes it through the model's
// pipeline, or reads a tensor of one or more pictures that are preprocessed already. It is
// called once, from a goroutine of the stream, at the same time as others, and should give
// up when ctx is done.
type Load = executor.Load[picture.Input]

// files are the elements of a stream that reads pictures and .npy tensors.
func (b *base) files(paths []string) iter.Seq[Load] {
	return func(yield func(Load) bool) {
		for _, path := range paths {
			if !yield(func(ctx context.Context) (picture.Input, error) { return b.loadFile(ctx, path) }) {
				return
			}
		}
	}
}

// pictures are the elements of a stream of pictures that are decoded already.
func (b *base) pictures(pictures []picture.Picture) iter.Seq[Load] {
	return func(yield func(Load) bool) {
		for i, p := range pictures {
			load := func(ctx context.Context) (picture.Input, error) {
				in, err := b.preprocess(ctx, p)
				if err != nil {
					err = fmt.Errorf("glipvk: picture %d: %w", i, err)
				}
				return in, err
			}
			if !yield(load) {
				return
			}
		}
	}
}

// loadFile reads a file that holds a tensor or a picture.
func (b *base) loadFile(ctx context.Context, path string) (picture.Input, error) {
	named := func(in picture.Input, err error) (picture.Input, error) {
		if err != nil {
			err = blame(fmt.Errorf("glipvk: %s: %w", path, err))
		}
		return in, err
	}
	if !strings.EqualFold(filepath.Ext(path), ".npy") {
		p, err := picture.Open(ctx, path, b.options.Limits, picture.IgnoreOrientation(b.options.IgnoreOrientation))
		if err != nil {
			return named(picture.Input{}, err)
		}
		return named(b.preprocess(ctx, p))
	}
	p, in, err := picture.OpenNpy(ctx, path, b.options.Limits)
	switch {
	case err != nil:
		return named(picture.Input{}, err)
	case in != nil:
		return *in, nil
	}
	return named(b.preprocess(ctx, *p))
}
