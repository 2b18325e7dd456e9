package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/spf13/cobra"
)

// backbone is a Swin as it is measured.
type backbone struct {
	*glipvk.Backbone
	input picture.Input
	work  int64 // multiply-adds
	room  features
}

// features are a result of a backbone.
type features glipvk.Features

// openBackbone checks the flags of a backbone and returns what opens it.
func (f flags) openBackbone(cmd *cobra.Command, o *glipvk.Options) (func(context.Context, glipvk.Options) (model, error), error) {
	name, arch, err := cli.Architecture(cmd, f.weights, o, swin.ParseConfig)
	return func(ctx context.Context, o glipvk.Options) (model, error) {
		b, err := glipvk.OpenBackbone(ctx, name, glipvk.BackboneOptions{Options: o, Arch: arch, PadSmallMap: f.padSmallMap})
		if err != nil {
			return nil, err
		}
		return &backbone{Backbone: b}, nil
	}, err
}

func (b *backbone) ready(f flags, height, width int) (err error) {
	info := b.Info()
	height, width = cmp.Or(height, info.Height), cmp.Or(width, info.Width)
	if height < 1 {
		return cli.Usage("the architecture names no picture size: give --size")
	}
	if err := f.fits(height, width); err != nil {
		return err
	}
	b.input = picture.Input{Batch: f.batch, Height: height, Width: width, Data: synthetic.Input(f.batch, height, width, 7)}
	b.work, err = b.Counts(glipvk.SizeOf(b.input))
	return err
}

func (b *backbone) cases() []testCase {
	return []testCase{{Name: "features", MultiplyAdds: b.work, run: b.run}}
}

// run computes into memory that is there, once it is there.
func (b *backbone) run(ctx context.Context) (result, error) {
	if b.room == nil {
		room, err := b.Room(ctx, glipvk.SizeOf(b.input))
		if err != nil {
			return nil, err
		}
		b.room = features(room)
	}
	return b.room, b.ExtractInto(ctx, glipvk.Features(b.room), b.input)
}

func (b *backbone) stats(ctx context.Context) (glipvk.Stats, error) {
	return b.Stats(ctx, glipvk.SizeOf(b.input))
}

func (b *backbone) profile(ctx context.Context) ([]glipvk.Timing, error) {
	return b.Profile(ctx, b.input)
}

func (b *backbone) compare(ctx context.Context) ([]glipvk.Difference, error) {
	return b.Verify(ctx, b.input, glipvk.Features(b.room))
}

func (b *backbone) plain() int64 { return b.work }

func (b *backbone) describe(r *report) {
	r.Arch, r.Height, r.Width = b.Info().Backbone, b.input.Height, b.input.Width
	r.heading = fmt.Sprintf("%dx%d, batch %d", r.Height, r.Width, r.Batch)
	r.line = fmt.Sprintf("Features/model=%s/size=%dx%d/batch=%d", r.Model, r.Height, r.Width, r.Batch)
}

func (f features) finite() error {
	for _, m := range f {
		if i := slices.IndexFunc(m.Data, func(v float32) bool { return v-v != 0 }); i >= 0 {
			return fmt.Errorf("map %s: element %d is %v", m.Name, i, m.Data[i])
		}
	}
	return nil
}

func (f features) same(first result) error {
	for i, m := range first.(features) {
		for k, v := range m.Data {
			if got := f[i].Data[k]; math.Float32bits(got) != math.Float32bits(v) {
				return fmt.Errorf("map %s: element %d is %v in one run and %v in the next", m.Name, k, v, got)
			}
		}
	}
	return nil
}

func (f features) keep() result {
	kept := slices.Clone(f)
	for i := range kept {
		kept[i].Data = slices.Clone(kept[i].Data)
	}
	return kept
}
