// Command bench measures how fast GLIP's Swin backbone, or the whole detector, runs on a
// device, or learns there. Run "bench --help" for its flags.
//
// Exit status: 0 done (also when interrupted after something was measured), 1 a
// failure of the program or the device, 2 wrong usage, 3 the result that would
// have been timed is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

func main() { cli.Main("bench", run) }

// What --per-op asks for.
const (
	perModule = "modules"
	perPath   = "full"
)

// detectorDuration is how long the detector is measured if --duration does not say.
const detectorDuration = time.Minute

// flags of the command line.
type flags struct {
	device                   cli.Device
	weights                  cli.Weights
	size, check, json, trace string
	gemm                     []string
	batch, count, iterations int
	duration                 time.Duration
	perOp                    string // "", perModule or perPath
	tune, padSmallMap        bool
	detector, noAbsorb       bool
	train                    bool
	mode                     string
	frozen                   int
	recompute                []string
	caption, vocab           string
	tokens                   int
}

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return cli.Run(ctx, newCommand(), args, stdout, stderr)
}

const help = `bench runs the backbone on a synthetic picture over and over and prints wall time,
device time (the sum of the timestamps of all dispatches), images/s, GFLOP/s, bytes
moved and the share of the device's GEMM peak, which is measured here with the same
kernels. The output holds lines in the Go benchmark format, so that benchstat
compares two runs; give --count 10 for that.

Before anything is timed the result is checked: against the CPU reference where
that takes less than about a minute, else for finite values and for equality of
two runs (--check says which). A wrong result ends with exit status 3. Wall time is
that of runs whose results go into memory that is there already. All runs must give
the same.

--per-op prints a row for each operation. Its share of the roofline is the least
time that the device could need for it, over the time it took; the least time is
the larger of its products at the measured GEMM peak and its operands, each moved
once, at the speed of a large copy. A low share in a row with much time is what to
speed up next; a share above 100 % means that operands came from a cache.

--trace writes the dispatches of one run in the Chrome trace format, below the
stages and blocks they belong to, for chrome://tracing or ui.perfetto.dev.

--detector measures the whole detector, in rounds of three detections: with nothing
known, then other pictures with the same caption, which needs no text encoder, then
another caption on pictures that are looked at already (a Sight), which needs no backbone
and no pyramid; what that takes of the whole is printed too. Pictures are of --size, as if
that were what they are resized to, and padded to multiples of 32; --batch are computed
together. The caption has --tokens tokens with [CLS] and [SEP], a phrase for every three,
or is that of --caption, whose noun phrases are looked for. GFLOP/s and the share of the
GEMM peak count the products that are executed, with the cross attention in its absorbed
form unless --no-absorb; what the direct form would take is printed beside it. --per-op
prints device time by the modules of GLIP, a column for each of the three detections.

--train measures steps of training the detector, of --mode, on pictures of --size (320x512
unless given) with a box for each phrase of a caption as --detector has it. A step is
forward, backward and update, each with its time, its multiply-adds and its share of the
GEMM peak. Multiply-adds are shown as executed, and in the direct form with captions of the
model's full length, as the original computes them. Where much of the model is frozen there
are two cases: the first epoch, in which pictures are new, and the second, in which what
frozen parts say of them is remembered. Rates are a thousandth of the paper's, since many
steps on one batch run away. --recompute keeps less for the backward and computes it again.
--per-op prints time by module and by kind of operation, with =full by path too. The first
step, which makes the programs, is shown apart.

--gemm measures matrix products of M x K by K x N values instead of a model, each
for --duration, 1s unless given.

The commit is the one that the go command recorded; go run does so only with
-buildvcs=true.

Ctrl-C ends the measurement and prints what there is.`

const examples = `  bench --model GLIP-T --per-op --json out/b.json
  bench --precision f16 --batch 8 --trace out/trace.json
  bench --size 800x1333 --duration 20s
  bench --device cpu --duration 30s
  bench --gemm 768x768x768,4096x512x14336 --json out/gemm.json
  bench --tune
  bench --detector --model glip-t --size 800x1333 --per-op
  bench --detector --size 320x512 --batch 4
  bench --detector --tokens 60 --device cpu --iterations 3 --json out/d.json
  bench --train --model glip-t --size 320x512 --mode full --device cpu --per-op
  bench --train --mode prompt --batch 2
  bench --train --recompute blocks
  bench --count 10 > old.txt; bench --count 10 > new.txt; benchstat old.txt new.txt`

func newCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:     "bench [flags]",
		Short:   "measure the speed of GLIP's Swin backbone, of its detector or of training it",
		Long:    help,
		Example: examples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(f.gemm) > 0 {
				g, err := f.products(cmd)
				if err != nil {
					return err
				}
				return g.main(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			b, err := f.settings(cmd)
			if err != nil {
				return err
			}
			return b.main(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd)
	return cmd
}

// register names the flags on the command line.
func (f *flags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.weights.Define(cmd, "GLIP-T", func() []string { return []string{"GLIP-T", "GLIP-L", "glip-t-a", "glip-world"} })
	f.device.Define(cmd)
	fl.StringVar(&f.size, "size", "", "picture size as HEIGHTxWIDTH (default: the backbone's, 800x1333 for the detector, 320x512 for training)")
	fl.IntVar(&f.batch, "batch", 1, "pictures in a batch")
	fl.BoolVar(&f.padSmallMap, "pad-small-map", false, "pad maps smaller than a window, as GLIP's detector does")
	fl.DurationVar(&f.duration, "duration", 5*time.Second, "how long to measure, for each --count (default of the detector 1m, of training 20s)")
	fl.IntVar(&f.iterations, "iterations", 0, "runs of each case for each --count, instead of --duration")
	fl.IntVar(&f.count, "count", 1, "measurements, each a line for benchstat")
	fl.StringVar(&f.perOp, "per-op", "", "also print device time: of every operation, by graph path, and its share of the roofline; of a detector and of training by module, with =full by path too")
	fl.Lookup("per-op").NoOptDefVal = perModule
	fl.StringVar(&f.trace, "trace", "", "also write the dispatches of one run to this file, in the Chrome trace format")
	fl.StringVar(&f.json, "json", "", "also write everything to this file as JSON")
	fl.StringSliceVar(&f.gemm, "gemm", nil, "measure these products, each MxNxK, instead of a model")
	fl.BoolVar(&f.tune, "tune", false, "choose kernels anew by measuring, whatever is kept of earlier runs, and print what was tried and won")
	fl.StringVar(&f.check, "check", "auto", "oracle (CPU reference), finite (finite and repeatable), auto, or none")
	fl.BoolVar(&f.detector, "detector", false, "measure the whole detector, pictures and a caption to boxes")
	fl.BoolVar(&f.train, "train", false, "measure steps of training a detector")
	fl.StringVar(&f.mode, "mode", string(train.Full), "what is trained: full, head, linear, language, prompt or adapters")
	fl.IntVar(&f.frozen, "frozen", -1, "of --mode full: -1 freezes nothing, 2 the first stage of the backbone, 3 two stages")
	fl.StringSliceVar(&f.recompute, "recompute", nil, "scopes, by globs of paths, whose values are computed again for the gradients, or blocks for all that come in numbers")
	fl.StringVar(&f.caption, "caption", "", "sentence whose noun phrases the detector looks for or learns, instead of one of --tokens")
	fl.IntVar(&f.tokens, "tokens", defaultTokens, "length of the detector's caption, [CLS] and [SEP] included")
	fl.StringVar(&f.vocab, "vocab", "", "vocab.txt of the detector's text encoder (default: that of bert-base-uncased)")
	fl.BoolVar(&f.noAbsorb, "no-absorb", false, "compute the detector's cross attention as the original does, with more multiply-adds")
}

// options are those that a model and a bare device share.
func (f flags) options() (o glipvk.Options, err error) {
	switch {
	case f.tune && f.device.NoTune:
		return o, cli.Usage("--tune and --no-tune exclude each other: give one")
	case f.batch < 1 || f.count < 1:
		return o, cli.Usage("--batch %d and --count %d: want at least 1", f.batch, f.count)
	case f.perOp != "" && f.perOp != perModule && f.perOp != perPath:
		return o, cli.Usage("--per-op=%s: want nothing, =%s or =%s", f.perOp, perModule, perPath)
	case f.duration <= 0:
		return o, cli.Usage("--duration %v: want more than 0", f.duration)
	case f.iterations < 0:
		return o, cli.Usage("--iterations %d: want 1 or more, or leave it out", f.iterations)
	}
	return o, f.device.Apply(&o)
}

// without refuses flags that do not go with what is measured.
func without(cmd *cobra.Command, why string, names ...string) error {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return cli.Usage("--%s %s", name, why)
		}
	}
	return nil
}

// Flags that go with some of what can be measured.
var (
	captioned     = []string{"caption", "tokens", "vocab"}
	detectorAlone = []string{"no-absorb"}
	trainAlone    = []string{"mode", "frozen", "recompute"}
	backboneAlone = []string{"pad-small-map"}
	modelsAlone   = []string{"model", "arch", "weights", "allow-non-finite", "size", "batch", "per-op", "check", "trace", "tune", "no-fusion", "iterations", "detector", "train"}
)

// products checks the flags that go with --gemm.
func (f flags) products(cmd *cobra.Command) (*gemm, error) {
	if err := without(cmd, "does not go with --gemm, which measures no model", slices.Concat(modelsAlone, backboneAlone, captioned, detectorAlone, trainAlone)...); err != nil {
		return nil, err
	}
	if !cmd.Flags().Changed("duration") {
		f.duration = gemmDuration
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	list, err := parseProducts(f.gemm)
	return &gemm{flags: f, options: o, products: list}, err
}

// kind settles what of a model is measured: its backbone, the detector, or training.
func (f *flags) kind(cmd *cobra.Command) error {
	given, duration := cmd.Flags().Changed, f.duration
	var errs []error
	switch {
	case f.detector && f.train:
		return cli.Usage("--detector and --train exclude each other: give one")
	case f.detector:
		duration = detectorDuration
		errs = append(errs, without(cmd, "does not go with --detector", slices.Concat(backboneAlone, trainAlone)...))
	case f.train:
		duration = trainDuration
		errs = append(errs, without(cmd, "does not go with --train", slices.Concat(backboneAlone, detectorAlone)...))
		if f.check == "oracle" {
			errs = append(errs, cli.Usage("--check oracle does not go with --train, whose steps differ: want finite, auto or none"))
		}
	default:
		errs = append(errs, without(cmd, "goes with --train: give that too, or leave it out", trainAlone...),
			without(cmd, "goes with --detector: give that too, or leave it out", detectorAlone...),
			without(cmd, "goes with --detector or --train: give one, or leave it out", captioned...))
	}
	if !given("duration") {
		f.duration = duration
	}
	return errors.Join(errs...)
}

// settings checks the flags that go with a model.
func (f flags) settings(cmd *cobra.Command) (*bench, error) {
	if err := f.kind(cmd); err != nil {
		return nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	size, err := glipvk.ParseSize(f.size)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--size: %w", err)
	case size.Original:
		return nil, cli.Usage("--size original: there is no picture here; want HEIGHTxWIDTH")
	case !slices.Contains([]string{"auto", "oracle", "finite", "none"}, f.check):
		return nil, cli.Usage("--check %q: want oracle, finite, auto or none", f.check)
	case f.caption != "" && cmd.Flags().Changed("tokens"):
		return nil, cli.Usage("--caption and --tokens exclude each other: give one")
	case (f.detector || f.train) && (f.tokens < 3 || f.tokens > text.MaxTokens):
		return nil, cli.Usage("--tokens %d: want 3 to %d, [CLS] and [SEP] included", f.tokens, text.MaxTokens)
	case size.Height > 0:
		if err := f.fits(size.Height, size.Width); err != nil {
			return nil, err
		}
	}
	if err := f.weights.Settle(cmd); err != nil {
		return nil, err
	}
	open := f.openBackbone
	switch {
	case f.detector:
		open = f.openDetector
	case f.train:
		if open = f.openTraining; f.check != "none" {
			f.check = "losses"
		}
	}
	b := &bench{flags: f, height: size.Height, width: size.Width, ran: func(int) {}}
	b.open, err = open(cmd, &o)
	b.options = o
	return b, err
}

// fits refuses pictures that take too much.
func (f flags) fits(height, width int) error {
	if height > picture.DefaultMaxSide || width > picture.DefaultMaxSide || f.batch > picture.DefaultMaxPixels/height/width {
		return cli.Usage("--size and --batch: %d pictures of %dx%d: want sides of at most %d and at most %d pixels in all",
			f.batch, height, width, picture.DefaultMaxSide, picture.DefaultMaxPixels)
	}
	return nil
}
