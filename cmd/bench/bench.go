package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

// oracleLimit is the number of multiply-adds up to which --check auto asks the CPU
// reference, which does about one thousand million in a second.
const oracleLimit = 40e9

// How often the model runs for one measurement. Where a single run takes longer
// than the duration, one warm-up and one profile must do.
const (
	warmUps     = 2 // at most
	leastRuns   = 3 // however short the duration
	profileRuns = 3 // at most
)

// grace is how long an interrupted benchmark waits for the device.
const grace = 2 * time.Second

// bench is one benchmark of one model on one device.
type bench struct {
	flags
	name          string
	options       glipvk.BackboneOptions
	height, width int
	model         *glipvk.Backbone
	input         picture.Input
	trials        trials                   // of --tune
	ran           func(wall time.Duration) // called after each timed run, outside of its time
}

// main measures and prints.
func (b *bench) main(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := b.outputs(); err != nil {
		return err
	}
	if b.tune {
		remove, err := retune(&b.options.Tuning, &b.trials)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	if b.model, err = glipvk.OpenBackbone(ctx, b.name, b.options); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.model.CloseWithin(ctx, grace)) }()
	if err := b.makeInput(); err != nil {
		return err
	}
	r, err := b.prepare(ctx, stderr)
	if err != nil {
		return err
	}
	if err := b.samples(ctx, r); err != nil {
		return err
	}
	if err := r.print(stdout, b.perOp != ""); err != nil {
		return err
	}
	if b.trace != "" {
		if err := r.writeTrace(b.trace); err != nil {
			return err
		}
	}
	if b.json != "" {
		return writeJSON("--json", b.json, r)
	}
	return nil
}

// makeInput makes the pictures, of the size asked for or else the model's.
func (b *bench) makeInput() error {
	info := b.model.Info()
	b.height, b.width = cmp.Or(b.height, info.Height), cmp.Or(b.width, info.Width)
	if b.height < 1 {
		return fmt.Errorf("%w: the architecture names no picture size: give --size", glipvk.ErrInput)
	}
	if b.height > picture.DefaultMaxSide || b.width > picture.DefaultMaxSide || b.batch > picture.DefaultMaxPixels/b.height/b.width {
		return fmt.Errorf("%w: %d pictures of %dx%d: want sides of at most %d and at most %d pixels in all",
			glipvk.ErrInput, b.batch, b.height, b.width, picture.DefaultMaxSide, picture.DefaultMaxPixels)
	}
	b.input = picture.Input{Batch: b.batch, Height: b.height, Width: b.width, Data: synthetic.Input(b.batch, b.height, b.width, 7)}
	return nil
}

// prepare checks the result and measures what the device can do; neither is part of
// the figures.
func (b *bench) prepare(ctx context.Context, stderr io.Writer) (*report, error) {
	g, err := b.model.Graph(glipvk.SizeOf(b.input))
	if err != nil {
		return nil, err
	}
	r := newReport(b, g.Count())
	begin := time.Now()
	if r.Stats, err = b.model.Stats(ctx, glipvk.SizeOf(b.input)); err != nil {
		return nil, err
	}
	r.Compile = time.Since(begin)
	r.Trials = b.trials.all()
	if r.Check, err = b.verify(ctx, r.MultiplyAdds, stderr); err != nil {
		return nil, err
	}
	r.peakNote = forgetPeak()
	return r, b.device(ctx, r)
}

// samples takes the measurements. Its error says that there is nothing to print.
func (b *bench) samples(ctx context.Context, r *report) error {
	for range b.count {
		s, err := b.measure(ctx)
		if len(s.Wall) > 0 {
			r.Samples = append(r.Samples, s)
		}
		if ctx.Err() != nil {
			r.Interrupted = true
			break
		}
		if err != nil {
			return err
		}
	}
	if len(r.Samples) == 0 {
		return ctx.Err()
	}
	if !r.Interrupted { // once more: on a busy machine the first look may have been unlucky
		if err := b.device(ctx, r); err != nil && ctx.Err() == nil {
			return err
		}
	}
	for _, s := range r.Samples {
		r.roofline().judge(s.Ops)
	}
	r.ProcessPeak = processPeak()
	return nil
}

// device measures the GEMM peak and the copy bandwidth and keeps the best of both.
func (b *bench) device(ctx context.Context, r *report) error {
	best := r.roofline()
	err := best.raise(ctx, b.model, b.duration)
	r.PeakGFLOPS, r.CopyGBs = best.gflops, best.gigabytes
	return err
}

// verify makes sure that what will be timed is right, and says how it did.
func (b *bench) verify(ctx context.Context, multiplyAdds int64, stderr io.Writer) (string, error) {
	how := b.check
	if how == "auto" {
		how = "oracle"
		if multiplyAdds > oracleLimit {
			how = "finite"
		}
	}
	if how == "none" {
		return "not checked", nil
	}
	features, err := b.model.ExtractInput(ctx, b.input)
	if err != nil {
		return "", err
	}
	if how == "finite" {
		again, err := b.model.ExtractInput(ctx, b.input)
		if err != nil {
			return "", err
		}
		return "all values finite, two runs equal", repeatable(features, again)
	}
	fmt.Fprintln(stderr, "bench: checking the result against the CPU reference (--check finite is quicker)")
	list, err := b.model.Verify(ctx, b.input, features)
	if err != nil {
		return "", err
	}
	worst := 0.0
	for _, d := range list {
		if !d.OK() {
			return "", fmt.Errorf("map %s: relative L2 %.3g from the CPU reference, at most %.3g is allowed: %w",
				d.Name, d.RelativeL2, d.Allowed.RelativeL2, errWrong)
		}
		worst = max(worst, d.RelativeL2)
	}
	return fmt.Sprintf("equals the CPU reference, relative L2 at most %.3g", worst), nil
}

// repeatable requires finite values and two equal results, bit for bit.
func repeatable(a, b glipvk.Features) error {
	for i := range a {
		for k, v := range a[i].Data {
			if v-v != 0 {
				return fmt.Errorf("map %s: element %d is %v: %w", a[i].Name, k, v, errWrong)
			}
			if math.Float32bits(v) != math.Float32bits(b[i].Data[k]) {
				return fmt.Errorf("map %s: element %d is %v in one run and %v in the next: %w", a[i].Name, k, v, b[i].Data[k], errWrong)
			}
		}
	}
	return nil
}
