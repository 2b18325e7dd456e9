package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

// featuresFlags are the flags of "glip features".
type featuresFlags struct {
	runFlags
	size, format              string
	outIndices                []int
	padSmallMap, resizeTables bool
	viz, json                 bool
}

const featuresHelp = `features computes the feature maps of pictures and writes them as float32
[N, C, H, W]: STEM.stage1.npy and so on, where STEM is the input's name without its
extension and the numbers are those of --out-indices.

` + inputHelp + ` An array of uint8 [H, W, 3] (red,
green, blue) is a picture, float32 [N, 3, H, W] a tensor that is preprocessed already
and goes to the model as it is.

Pictures are resized as mmpretrain does for a Swin of the model's size ("glip
models" says how), or as --size says, and normalised. Maps smaller than a window
are refused, as mmpretrain does; --pad-small-map pads them, as GLIP's detector does.

While some inputs are computed the next are read and resized. --batch computes
neighbours of one size together: more throughput on a device that a single picture
does not fill, for more memory. --precision f16 halves memory and moves the maps by
up to a relative L2 of 2e-3.

What became of an input is printed as soon as it is known. When an input is bad the
others are still computed, and the exit status is 2. With --verify it is 3 when a map is
further from the CPU reference than the precision explains. An interrupt ends the work
soon: what is done is kept and printed, what is not done is said on stderr, and the exit
status is 1.`

func newFeatures() *cobra.Command {
	var f featuresFlags
	cmd := &cobra.Command{
		Use:   "features [flags] INPUT...",
		Short: "compute feature maps of pictures",
		Long:  featuresHelp,
		Example: `  glip features --weights synthetic:7 --verify --viz --out out cat.png
  glip features --model GLIP-L --weights swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth photos/
  glip features --precision f16 --batch 8 --out maps photos/
  glip features --size 800x1333 --device cpu --format safetensors cat.png dog.jpg
  glip features --taps 'stages.0.blocks.1.attn.**' --out taps cat.png
  glip features --arch tiny.json --weights tiny.safetensors --size original input.npy`,
		Args: someInput,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFeatures(cmd, f, args)
		},
	}
	f.runFlags.define(cmd, "GLIP-T", backboneNames)
	fl := cmd.Flags()
	fl.StringVar(&f.size, "size", "", "resize pictures to HEIGHTxWIDTH, or original to leave them")
	fl.IntSliceVar(&f.outIndices, "out-indices", nil, "stages whose maps are written (default: the architecture's, 1,2,3)")
	fl.BoolVar(&f.padSmallMap, "pad-small-map", false, "pad maps smaller than a window, as GLIP's detector does")
	fl.StringVar(&f.format, "format", "npy", "npy (a file for each map), npz or safetensors (a file for each input)")
	fl.BoolVar(&f.viz, "viz", false, "also write STEM.viz.png: the picture beside the maps' principal components")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.resizeTables, "resize-tables", false, "resize the position tables of a checkpoint made for another window")
	cli.Complete(cmd, "format", formatNames)
	return cmd
}

// backboneNames are the names and nicknames of the backbones.
func backboneNames() []string {
	var names []string
	for _, m := range glipvk.Models() {
		if m.Detector == nil {
			names = append(names, m.Name, m.Nickname)
		}
	}
	return names
}

// detectorNames are the names of the detectors.
func detectorNames() []string {
	var names []string
	for _, m := range glipvk.Models() {
		if m.Detector != nil {
			names = append(names, m.Name)
		}
	}
	return names
}

func formatNames() []string { return []string{"npy", "npz", "safetensors"} }

// options turns flags into those of the library.
func (f featuresFlags) options(cmd *cobra.Command) (name string, o glipvk.BackboneOptions, err error) {
	o = glipvk.BackboneOptions{OutIndices: f.outIndices, PadSmallMap: f.padSmallMap, ResizeTables: f.resizeTables}
	if !slices.Contains(formatNames(), f.format) {
		return "", o, cli.Usage("--format %q: want npy, npz or safetensors", f.format)
	}
	if o.Size, err = glipvk.ParseSize(f.size); err != nil {
		return "", o, fmt.Errorf("--size: %w", err)
	}
	name, o.Arch, err = apply(cmd, f.runFlags, &o.Options, swin.ParseConfig)
	return name, o, err
}

func runFeatures(cmd *cobra.Command, f featuresFlags, args []string) (err error) {
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	j := &job{flags: f, meter: cli.Meter(stderr)}
	defer j.meter.Done()
	defer func() {
		if ctx.Err() != nil && j.results == nil && f.json {
			err = errors.Join(err, writeJSON(stdout, j.document(0)))
		}
	}()
	name, o, err := f.options(cmd)
	if err != nil {
		return err
	}
	items, err := f.inputs(cmd, args)
	if err != nil {
		return err
	}
	if j.out, err = f.results(items, f.endings()); err != nil {
		return err
	}
	if j.letters, err = f.letters(ctx, j.out, stderr); err != nil {
		return err
	}
	o.Progress = j.meter.Show
	j.open = func(ctx context.Context) (err error) {
		if j.model, err = executor.Apart(ctx, func() (*glipvk.Backbone, error) { return glipvk.OpenBackbone(ctx, name, o) }); err == nil {
			cli.Fell(stderr, "glip", j.model.Device())
			cli.Notes(stderr, "glip", j.model.Notes())
		}
		return err
	}
	defer func() {
		if j.model != nil {
			err = errors.Join(err, j.model.CloseWithin(ctx, cli.Grace))
		}
	}()
	return j.run(ctx, items, stdout, stderr)
}

// endings are those of the results whose names need no model.
func (f featuresFlags) endings() []string {
	var endings []string
	if f.format != "npy" {
		endings = append(endings, "."+f.format)
	}
	if f.viz {
		endings = append(endings, ".viz.png")
	}
	return endings
}
