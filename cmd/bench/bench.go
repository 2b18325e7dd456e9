package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/internal/meter"
)

// oracleLimit is the number of multiply-adds up to which --check auto asks the CPU
// reference, which does about one thousand million in a second.
const oracleLimit = 40e9

// How often the model runs for one measurement. Where a single run takes longer
// than the duration, one warm-up and one profile must do.
const (
	warmUps     = 2 // at most, of a model with one case
	leastRuns   = 3 // of such a model, however short the duration
	profileRuns = 3 // at most
)

// errWrong says that what was computed is not what it must be.
var errWrong = fmt.Errorf("the result is wrong, nothing is reported: %w", cli.ErrWrong)

// model is what is measured, in one case or several.
type model interface {
	Info() glipvk.Info
	Executor() *executor.Executor
	Weights() string
	Notes() []string
	Device() glipvk.DeviceInfo
	CloseWithin(context.Context, time.Duration) error

	ready(f flags, height, width int) error               // makes the inputs; 0 is the model's own size
	cases() []testCase                                    // in the order of a round
	stats(context.Context) (glipvk.Stats, error)          // of all programs
	profile(context.Context) ([]glipvk.Timing, error)     // of all parts
	compare(context.Context) ([]glipvk.Difference, error) // the first result with the CPU reference's
	plain() int64                                         // multiply-adds as the CPU reference computes them
	describe(*report)
}

// testCase is what is measured by itself: a run that finds something known or not.
type testCase struct {
	Name         string `json:"name"`
	Line         string `json:"line"`          // in the name of benchmark lines
	MultiplyAdds int64  `json:"multiply_adds"` // that are executed

	before func(context.Context) error // not timed; may be nil
	run    func(context.Context) (result, error)
	parts  []string // of the model that it takes; nil for all
}

// result is what a run gave.
type result interface {
	finite() error
	same(first result) error // bit for bit
	keep() result            // until the end, whatever the next run writes
}

// bench is one benchmark of one model on one device.
type bench struct {
	flags
	open          func(context.Context, glipvk.Options) (model, error)
	options       glipvk.Options
	height, width int // 0 for the model's
	model         model
	cases         []testCase
	first         []result // of each case
	trials        trials   // of --tune
	meter         *meter.Meter
	ran           func(which int) // called after each timed run, outside of its time
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
	b.meter = cli.Meter(stderr)
	defer b.meter.Done()
	b.options.Progress = b.meter.Show
	begin := clock.Now()
	if b.model, err = b.open(ctx, b.options); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.model.CloseWithin(ctx, cli.Grace)) }()
	load := clock.Since(begin)
	b.meter.Done()
	cli.Fell(stderr, "bench", b.model.Device())
	cli.Notes(stderr, "bench", b.model.Notes())
	if err := b.model.ready(b.flags, b.height, b.width); err != nil {
		return err
	}
	b.cases = b.model.cases()
	b.first = make([]result, len(b.cases))
	r := newReport(b)
	r.Load = load
	if err := b.prepare(ctx, r); err != nil {
		return err
	}
	if err := b.samples(ctx, r); err != nil {
		return err
	}
	b.meter.Done()
	return b.publish(r, stdout)
}

// publish prints and writes what was measured.
func (b *bench) publish(r *report, stdout io.Writer) error {
	if err := r.print(stdout, b.perOp); err != nil {
		return err
	}
	if b.trace != "" {
		if err := r.writeTrace(b.trace); err != nil {
			return err
		}
	}
	return b.writeJSON(r)
}

// prepare runs once, which makes the programs, checks the result and measures what the
// device can do; none of it is part of the figures.
func (b *bench) prepare(ctx context.Context, r *report) (err error) {
	b.meter.Show("first run", 0, 1)
	if r.First, err = b.once(ctx, 0); err != nil {
		return err
	}
	r.FirstPeak = processPeak()
	r.Trials = b.trials.all()
	if r.Stats, err = b.model.stats(ctx); err != nil {
		return err
	}
	b.model.describe(r)
	if r.Check, err = b.verify(ctx); err != nil {
		return err
	}
	r.peakNote = forgetPeak()
	return b.device(ctx, r)
}

// once runs a case, checks that it gives what it gave before, and returns what it took.
func (b *bench) once(ctx context.Context, which int) (time.Duration, error) {
	c := b.cases[which]
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return 0, err
		}
	}
	begin := clock.Now()
	got, err := c.run(ctx)
	wall := clock.Since(begin)
	switch {
	case err != nil:
		return 0, err
	case b.check == "none":
	case b.first[which] == nil:
		b.first[which] = got.keep()
		err = got.finite()
	default:
		err = got.same(b.first[which])
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %w", c.Name, err, errWrong)
	}
	return wall, nil
}

// verify makes sure that the first result is right, and says how it did.
func (b *bench) verify(ctx context.Context) (string, error) {
	how := b.check
	if how == "auto" {
		how = "oracle"
		if b.model.plain() > oracleLimit {
			how = "finite"
		}
	}
	switch how {
	case "none":
		return "not checked", nil
	case "losses":
		return "all losses finite", nil
	case "finite":
		return "all values finite, and the same in every run", nil
	}
	list, err := b.model.compare(ctx)
	if err != nil {
		return "", err
	}
	worst := 0.0
	for _, d := range list {
		if !d.OK() {
			return "", fmt.Errorf("%s against the CPU reference: %v: %w", d.Name, d, errWrong)
		}
		worst = max(worst, d.RelativeL2)
	}
	return fmt.Sprintf("equals the CPU reference, relative L2 at most %.3g, and the same in every run", worst), nil
}

// device measures the GEMM peak and the copy bandwidth and keeps the best of both.
func (b *bench) device(ctx context.Context, r *report) error {
	b.meter.Show("GEMM peak", 0, 1)
	best := r.roofline()
	err := best.raise(ctx, b.model.Executor(), b.duration)
	r.PeakGFLOPS, r.CopyGBs = best.gflops, best.gigabytes
	return err
}

// samples takes the measurements. Its error says that there is nothing to print.
func (b *bench) samples(ctx context.Context, r *report) error {
	for range b.count {
		list, err := b.measure(ctx)
		for _, s := range list {
			if len(s.Wall) > 0 {
				r.Samples = append(r.Samples, s)
			}
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		r.ProcessPeak = max(r.ProcessPeak, processPeak())
		if err := b.profile(ctx, r.Samples[len(r.Samples)-len(b.cases):]); err != nil && ctx.Err() == nil {
			return err
		}
	}
	if len(r.Samples) == 0 {
		return &cli.Interrupted{Rest: "nothing was measured"}
	}
	if ctx.Err() == nil { // once more: on a busy machine the first look may have been unlucky
		if err := b.device(ctx, r); err != nil && ctx.Err() == nil {
			return err
		}
	}
	r.Interrupted = ctx.Err() != nil
	r.judge(b.perOp)
	return nil
}
