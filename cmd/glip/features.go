package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/spf13/cobra"
)

// featuresFlags are the flags of "glip features".
type featuresFlags struct {
	model, arch, weights, device string
	precision, size              string
	noTune                       bool
	batch                        int
	outIndices                   []int
	padSmallMap, resizeTables    bool
	allowNonFinite               bool
	out, format                  string
	taps                         []string
	verify, viz, json            bool
	limits                       picture.Limits
}

const featuresHelp = `features computes the feature maps of pictures and writes them as float32
[N, C, H, W]: STEM.stage1.npy and so on, where STEM is the input's name without its
extension and the numbers are those of --out-indices.

INPUT is a PNG, JPEG, GIF, WebP or BMP picture, a folder of such, or an .npy file:
uint8 [H, W, 3] (red, green, blue) is a picture, float32 [N, 3, H, W] a tensor that
is preprocessed already and goes to the model as it is.

Pictures are resized as mmpretrain does for a Swin of the model's size ("glip
models" says how), or as --size says, and normalised. Maps smaller than a window
are refused, as mmpretrain does; --pad-small-map pads them, as GLIP's detector does.

While some inputs are computed the next are read and resized. --batch computes
neighbours of one size together: more throughput on a device that a single picture
does not fill, for more memory. --precision f16 halves memory and moves the maps by
up to a relative L2 of 2e-3.

When an input is bad the others are still computed; a summary names those that
failed and the exit status is 2. With --verify the exit status is 3 when a map is
further from the CPU reference than the precision explains.`

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
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("features takes pictures, folders or .npy files, none given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFeatures(cmd, f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "GLIP-T", "model, by name or nickname; see glip models")
	fl.StringVar(&f.arch, "arch", "", "JSON file that describes the architecture, instead of --model")
	fl.StringVar(&f.weights, "weights", "synthetic", "checkpoint, or synthetic[:SEED] for weights by formula")
	fl.StringVar(&f.device, "device", "auto", "auto, cpu, reference (the slow oracle), or a Vulkan device by index or part of its name; see glip devices")
	fl.StringVar(&f.precision, "precision", "f32", "f32, f16 (weights and activations in 16 bits) or auto (f16 where the device gains by it)")
	fl.BoolVar(&f.noTune, "no-tune", false, "do not measure which kernels suit the device when a size is first met")
	fl.IntVar(&f.batch, "batch", 1, "neighbouring pictures of one size that are computed together, at most")
	fl.StringVar(&f.size, "size", "", "resize pictures to HEIGHTxWIDTH, or original to leave them")
	fl.IntSliceVar(&f.outIndices, "out-indices", nil, "stages whose maps are written (default: the architecture's, 1,2,3)")
	fl.BoolVar(&f.padSmallMap, "pad-small-map", false, "pad maps smaller than a window, as GLIP's detector does")
	fl.StringVar(&f.out, "out", ".", "folder to write to")
	fl.StringVar(&f.format, "format", "npy", "npy (a file for each map), npz or safetensors (a file for each input)")
	fl.StringArrayVar(&f.taps, "taps", nil, "also write the values inside the model whose path matches this pattern; may be repeated")
	fl.BoolVar(&f.verify, "verify", false, "also compute on the CPU reference and compare")
	fl.BoolVar(&f.viz, "viz", false, "also write STEM.viz.png: the picture beside the maps' principal components")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.resizeTables, "resize-tables", false, "resize the position tables of a checkpoint made for another window")
	fl.BoolVar(&f.allowNonFinite, "allow-non-finite", false, "accept NaN and infinity in weights and tensors")
	fl.IntVar(&f.limits.MaxSide, "max-side", picture.DefaultMaxSide, "longest side of a picture or tensor, in pixels")
	fl.Int64Var(&f.limits.MaxPixels, "max-pixels", picture.DefaultMaxPixels, "pixels of a picture, or of all pictures of a tensor")
	fl.Int64Var(&f.limits.MaxMemory, "max-memory", picture.DefaultMaxMemory, "bytes that decoding one picture may take")
	complete(cmd, "model", modelNames)
	complete(cmd, "format", formatNames)
	complete(cmd, "device", deviceNames)
	complete(cmd, "precision", precisionNames)
	return cmd
}

// complete offers values for a flag on the shell's command line.
func complete(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // a flag that this program did not define
	}
}

func modelNames() []string {
	var names []string
	for _, m := range glipvk.Models() {
		names = append(names, m.Name, m.Nickname)
	}
	return names
}

func formatNames() []string { return []string{"npy", "npz", "safetensors"} }

func precisionNames() []string {
	return []string{string(glipvk.F32), string(glipvk.F16), string(glipvk.AutoPrecision)}
}

func deviceNames() []string { return []string{"auto", "cpu", "reference"} }

// options turns flags into those of the library.
func (f featuresFlags) options(cmd *cobra.Command) (name string, o glipvk.Options, err error) {
	name = f.model
	o = glipvk.Options{
		Weights: f.weights, Device: f.device, OutIndices: f.outIndices, PadSmallMap: f.padSmallMap,
		Limits: f.limits, AllowNonFinite: f.allowNonFinite, ResizeTables: f.resizeTables,
	}
	o.Tuning.Off = f.noTune
	if o.Precision, err = glipvk.ParsePrecision(f.precision); err != nil {
		return "", o, fmt.Errorf("--precision: %w", err)
	}
	if f.batch < 1 {
		return "", o, usage("--batch %d: want at least 1", f.batch)
	}
	if !slices.Contains(formatNames(), f.format) {
		return "", o, usage("--format %q: want npy, npz or safetensors", f.format)
	}
	if f.limits.MaxSide < 1 || f.limits.MaxPixels < 1 || f.limits.MaxMemory < 1 {
		return "", o, usage("--max-side %d, --max-pixels %d and --max-memory %d: want at least 1", f.limits.MaxSide, f.limits.MaxPixels, f.limits.MaxMemory)
	}
	if o.Size, err = glipvk.ParseSize(f.size); err != nil {
		return "", o, fmt.Errorf("--size: %w", err)
	}
	if f.arch == "" {
		return name, o, nil
	}
	if cmd.Flags().Changed("model") {
		return "", o, usage("--model and --arch exclude each other: give one")
	}
	cfg, err := readArch(cmd.Context(), f.arch)
	o.Arch = &cfg
	return "", o, err
}

// mostArch bounds a file that describes an architecture, in bytes.
const mostArch = 1 << 20

// readArch reads an architecture: the arch object of a golden manifest, or of "glip models --json".
func readArch(ctx context.Context, path string) (swin.Config, error) {
	data, err := file.ReadAll(ctx, path, mostArch)
	if err != nil {
		return swin.Config{}, usage("--arch: %w", err)
	}
	cfg, err := swin.ParseConfig(data)
	if err != nil {
		return swin.Config{}, usage("--arch %s: %w", path, err)
	}
	return cfg, nil
}

// grace is how long an interrupted command waits for the device.
const grace = 500 * time.Millisecond

func runFeatures(cmd *cobra.Command, f featuresFlags, args []string) (err error) {
	name, o, err := f.options(cmd)
	if err != nil {
		return err
	}
	items, err := expand(args)
	if err != nil {
		return err
	}
	out, err := openFolder(f.out)
	if err != nil {
		return err
	}
	out.keepItems(items)
	out.keepWeights(f.weights)
	out.keep("the architecture", f.arch)
	if err := out.precheck(items, f.endings()); err != nil {
		return err
	}
	bars := meter.New(cmd.ErrOrStderr())
	defer bars.Done()
	o.Progress = bars.Show
	m, err := glipvk.Open(cmd.Context(), name, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.CloseWithin(cmd.Context(), grace)) }()

	j := &job{model: m, flags: f, out: out, meter: bars}
	if err := j.run(cmd.Context(), items); err != nil {
		return err
	}
	bars.Done()
	return j.report(cmd.OutOrStdout(), cmd.ErrOrStderr())
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

// report prints the results and the failures, and returns what decides the exit status.
func (j *job) report(stdout, stderr io.Writer) error {
	if j.flags.json {
		if err := writeJSON(stdout, j.document()); err != nil {
			return err
		}
	} else if err := j.print(stdout); err != nil {
		return err
	}
	return verdict(stderr, j.results)
}

// interrupted says whether ctx ended the work.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }
