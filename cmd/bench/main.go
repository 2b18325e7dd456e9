// Command bench measures how fast GLIP's Swin backbone, or the whole detector, runs on
// a device. Run
// "bench --help" for its flags.
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
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

func main() { cli.Main("bench", run) }

// mostArch bounds a file that describes an architecture, in bytes.
const mostArch = 1 << 20

// flags of the command line.
type flags struct {
	model, arch, weights, device string
	precision                    string
	size, check, json, trace     string
	gemm                         []string
	batch, count                 int
	duration                     time.Duration
	perOp                        string // "", perModule or perPath
	padSmallMap                  bool
	tune, noTune, noFusion       bool
	detectorFlags
}

// errWrong says that the check before the measurement failed.
var errWrong = errors.New("the result is wrong, nothing was measured")

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	started := false
	cmd := newCommand(&started)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(stderr, "bench: interrupted before anything was measured")
		return 1
	}
	fmt.Fprintf(stderr, "bench: %v\n", err)
	switch {
	case errors.Is(err, errWrong):
		return 3
	case !started, errors.Is(err, glipvk.ErrInput), errors.Is(err, text.ErrCaption):
		return 2
	}
	return 1
}

const help = `bench runs the backbone on a synthetic picture over and over and prints wall time,
device time (the sum of the timestamps of all dispatches), images/s, GFLOP/s, bytes
moved and the share of the device's GEMM peak, which is measured here with the same
kernels. The output holds lines in the Go benchmark format, so that benchstat
compares two runs; give --count 10 for that.

Before anything is timed the result is checked: against the CPU reference where
that takes less than about a minute, else for finite values and for equality of
two runs (--check says which). A wrong result ends with exit status 3. Wall time is
that of runs whose results go into memory that is there already.

--per-op prints a row for each operation. Its share of the roofline is the least
time that the device could need for it, over the time it took; the least time is
the larger of its products at the measured GEMM peak and its operands, each moved
once, at the speed of a large copy. A low share in a row with much time is what to
speed up next; a share above 100 % means that operands came from a cache.

--trace writes the dispatches of one run in the Chrome trace format, below the
stages and blocks they belong to, for chrome://tracing or ui.perfetto.dev.

` + detectorHelp + `

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
  bench --detector --tokens 60 --device cpu --iterations 3 --json out/d.json
  bench --count 10 > old.txt; bench --count 10 > new.txt; benchstat old.txt new.txt`

func newCommand(started *bool) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:           "bench [flags]",
		Short:         "measure the speed of GLIP's Swin backbone or of its detector",
		Long:          help,
		Example:       examples,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.detector {
				b, err := f.detection(cmd)
				if err != nil {
					return err
				}
				*started = true
				return b.main(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			if err := f.alone(cmd); err != nil {
				return err
			}
			if len(f.gemm) > 0 {
				g, err := f.products(cmd)
				if err != nil {
					return err
				}
				*started = true
				return g.main(cmd.Context(), cmd.OutOrStdout())
			}
			b, err := f.settings(cmd)
			if err != nil {
				return err
			}
			*started = true
			return b.main(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd)
	f.detectorFlags.register(cmd)
	return cmd
}

// register names the flags on the command line.
func (f *flags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "GLIP-T", "model, by name or nickname")
	fl.StringVar(&f.arch, "arch", "", "JSON file that describes the architecture, instead of --model")
	fl.StringVar(&f.weights, "weights", "synthetic", "checkpoint, or synthetic[:SEED]")
	fl.StringVar(&f.device, "device", "auto", "auto, cpu, reference (the slow oracle), or a Vulkan device by index or part of its name")
	fl.StringVar(&f.precision, "precision", "f32", "f32, f16 (weights and activations in 16 bits) or auto (f16 where the device gains by it)")
	fl.StringVar(&f.size, "size", "", "input size as HEIGHTxWIDTH (default: the model's)")
	fl.IntVar(&f.batch, "batch", 1, "pictures in a batch")
	fl.BoolVar(&f.padSmallMap, "pad-small-map", false, "pad maps smaller than a window, as GLIP's detector does")
	fl.DurationVar(&f.duration, "duration", 5*time.Second, "how long to measure, for each --count")
	fl.IntVar(&f.count, "count", 1, "measurements, each a line for benchstat")
	fl.StringVar(&f.perOp, "per-op", "", "also print device time: of every operation, by graph path, and its share of the roofline; of a detector by module, with =full by path too")
	fl.Lookup("per-op").NoOptDefVal = perModule
	fl.StringVar(&f.trace, "trace", "", "also write the dispatches of one run to this file, in the Chrome trace format")
	fl.StringVar(&f.json, "json", "", "also write everything to this file as JSON")
	fl.StringSliceVar(&f.gemm, "gemm", nil, "measure these products, each MxNxK, instead of a model")
	fl.BoolVar(&f.tune, "tune", false, "choose kernels anew by measuring, whatever is kept of earlier runs, and print what was tried and won")
	fl.BoolVar(&f.noTune, "no-tune", false, "take the kernels that the kind of device suggests and measure none")
	fl.BoolVar(&f.noFusion, "no-fusion", false, "run every operation of the graph by itself")
	fl.StringVar(&f.check, "check", "auto", "oracle (CPU reference), finite (finite and repeatable), auto, or none")
}

// options are those that a model and a bare device share.
func (f flags) options() (o glipvk.Options, err error) {
	o = glipvk.Options{Weights: f.weights, Device: f.device, NoFusion: f.noFusion}
	o.Tuning.Off = f.noTune
	if o.Precision, err = glipvk.ParsePrecision(f.precision); err != nil {
		return o, fmt.Errorf("--precision: %w", err)
	}
	switch {
	case f.tune && f.noTune:
		return o, errors.New("--tune and --no-tune exclude each other: give one")
	case f.batch < 1 || f.count < 1:
		return o, fmt.Errorf("--batch %d and --count %d: want at least 1", f.batch, f.count)
	case f.perOp != "" && f.perOp != perModule && f.perOp != perPath:
		return o, fmt.Errorf("--per-op=%s: want nothing, =%s or =%s", f.perOp, perModule, perPath)
	case f.duration <= 0:
		return o, fmt.Errorf("--duration %v: want more than 0", f.duration)
	}
	return o, nil
}

// products checks the flags that go with --gemm.
func (f flags) products(cmd *cobra.Command) (*gemm, error) {
	for _, other := range []string{
		"model", "arch", "weights", "size", "batch", "pad-small-map", "per-op", "check", "trace", "tune", "no-fusion",
	} {
		if cmd.Flags().Changed(other) {
			return nil, fmt.Errorf("--gemm measures no model: --%s does not go with it", other)
		}
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

// settings checks the flags.
func (f flags) settings(cmd *cobra.Command) (*bench, error) {
	b := &bench{flags: f, name: f.model, ran: func(time.Duration) {}}
	var err error
	if b.options.Options, err = f.options(); err != nil {
		return nil, err
	}
	b.options.PadSmallMap = f.padSmallMap
	size, err := glipvk.ParseSize(f.size)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--size: %w", err)
	case size.Original:
		return nil, errors.New("--size original: there is no picture here; want HEIGHTxWIDTH")
	case !slices.Contains([]string{"auto", "oracle", "finite", "none"}, f.check):
		return nil, fmt.Errorf("--check %q: want oracle, finite, auto or none", f.check)
	}
	b.height, b.width = size.Height, size.Width
	if b.options.Arch, err = architecture(f, cmd, swin.ParseConfig); b.options.Arch != nil {
		b.name = ""
	}
	return b, err
}

// architecture reads the file of --arch by the parser of its kind of model; nil where there is none.
func architecture[T any](f flags, cmd *cobra.Command, parse func([]byte) (T, error)) (*T, error) {
	if f.arch == "" {
		return nil, nil
	}
	if cmd.Flags().Changed("model") {
		return nil, errors.New("--model and --arch exclude each other: give one")
	}
	data, err := file.ReadAll(cmd.Context(), f.arch, mostArch)
	if err != nil {
		return nil, fmt.Errorf("--arch: %w", err)
	}
	cfg, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("--arch %s: %w", f.arch, err)
	}
	return &cfg, nil
}
