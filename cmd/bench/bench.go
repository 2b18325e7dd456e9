package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
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

// longestPeak is how long the GEMM peak is looked for, if --duration is not shorter.
const longestPeak = 2 * time.Second

// bench is one benchmark of one model on one device.
type bench struct {
	flags
	name          string
	options       glipvk.Options
	height, width int
	model         *glipvk.Model
	input         picture.Tensor
	ran           func(wall time.Duration) // called after each timed run, outside of its time
}

// main measures and prints.
func (b *bench) main(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if b.json != "" { // found out before the work rather than after it
		if err := writable(filepath.Dir(b.json)); err != nil {
			return err
		}
	}
	if b.model, err = glipvk.Open(ctx, b.name, b.options); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.model.CloseWithin(ctx, grace)) }()
	info := b.model.Info()
	b.height, b.width = cmp.Or(b.height, info.Height), cmp.Or(b.width, info.Width)
	if b.height < 1 {
		return fmt.Errorf("%w: the architecture names no picture size: give --size", glipvk.ErrInput)
	}
	if b.height > picture.DefaultMaxSide || b.width > picture.DefaultMaxSide || b.batch > picture.DefaultMaxPixels/b.height/b.width {
		return fmt.Errorf("%w: %d pictures of %dx%d: want sides of at most %d and at most %d pixels in all",
			glipvk.ErrInput, b.batch, b.height, b.width, picture.DefaultMaxSide, picture.DefaultMaxPixels)
	}
	b.input = picture.Tensor{Batch: b.batch, Height: b.height, Width: b.width, Data: synthetic.Input(b.batch, b.height, b.width, 7)}

	r, err := b.prepare(ctx, stderr)
	if err != nil {
		return err
	}
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
		again, err := b.peak(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		r.PeakGFLOPS = max(r.PeakGFLOPS, again)
	}
	if err := r.print(stdout, b.perOp); err != nil {
		return err
	}
	if b.json != "" {
		return r.writeJSON(b.json)
	}
	return nil
}

// prepare checks the result and measures the peak; neither is part of the figures.
func (b *bench) prepare(ctx context.Context, stderr io.Writer) (*report, error) {
	g, err := b.model.Graph(b.batch, b.height, b.width)
	if err != nil {
		return nil, err
	}
	r := newReport(b, g.Count())
	begin := time.Now()
	if r.Stats, err = b.model.Stats(ctx, b.batch, b.height, b.width); err != nil {
		return nil, err
	}
	r.Compile = time.Since(begin)
	if r.Check, err = b.verify(ctx, r.MultiplyAdds, stderr); err != nil {
		return nil, err
	}
	r.PeakGFLOPS, err = b.peak(ctx)
	return r, err
}

// peak measures the GEMM peak in GFLOP/s.
func (b *bench) peak(ctx context.Context) (float64, error) {
	speed, err := b.model.Peak(ctx, min(b.duration, longestPeak))
	if err != nil {
		return 0, fmt.Errorf("measuring the GEMM peak: %w", err)
	}
	return speed, nil
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
	features, err := b.model.ExtractTensor(ctx, b.input)
	if err != nil {
		return "", err
	}
	if how == "finite" {
		again, err := b.model.ExtractTensor(ctx, b.input)
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
				d.Name, d.RelativeL2, glipvk.MaxRelativeL2, errWrong)
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

// sample is one measurement: what --count repeats.
type sample struct {
	Wall   []time.Duration `json:"wall_ns"`   // of each run, input and output copies included
	Device []time.Duration `json:"device_ns"` // of each profiled run, the sum over its dispatches
	Ops    []operation     `json:"ops"`
}

// operation is the time spent for one graph path, median of the profiled runs.
type operation struct {
	Path     string        `json:"path"`
	Kernel   string        `json:"kernel"`
	Duration time.Duration `json:"ns"`
	FLOPs    int64         `json:"flops"`
	Bytes    int64         `json:"bytes"`
}

// measure warms up, then runs for the duration asked for, then profiles. What was
// measured before an error is returned with it.
func (b *bench) measure(ctx context.Context) (sample, error) {
	var s sample
	for start := b.begin(); start.more(warmUps); {
		if _, err := b.model.ExtractTensor(ctx, b.input); err != nil {
			return s, err
		}
	}
	for start := time.Now(); time.Since(start) < b.duration || len(s.Wall) < leastRuns; {
		begin := time.Now()
		if _, err := b.model.ExtractTensor(ctx, b.input); err != nil {
			return s, err
		}
		s.Wall = append(s.Wall, time.Since(begin))
		b.ran(s.Wall[len(s.Wall)-1])
	}
	var profiles [][]glipvk.Timing
	for start := b.begin(); start.more(profileRuns); {
		timings, err := b.model.Profile(ctx, b.input)
		if err != nil {
			return s, err
		}
		profiles = append(profiles, timings)
		var sum time.Duration
		for _, t := range timings {
			sum += t.Duration
		}
		s.Device = append(s.Device, sum)
	}
	s.Ops = operations(profiles)
	return s, nil
}

// round counts runs that are repeated for a duration.
type round struct {
	start    time.Time
	duration time.Duration
	done     int
}

func (b *bench) begin() *round { return &round{start: time.Now(), duration: b.duration} }

// more says whether to run again: at least once, at most most times, not once the duration is over.
func (r *round) more(most int) bool {
	again := r.done == 0 || r.done < most && time.Since(r.start) < r.duration
	r.done++
	return again
}

// operations joins the dispatches of a path and takes the median over the
// profiles, in the order of execution.
func operations(profiles [][]glipvk.Timing) []operation {
	at := map[string]int{}
	var ops []operation
	times := map[string][]time.Duration{}
	for run, timings := range profiles {
		for _, t := range timings {
			i, known := at[t.Path]
			if !known {
				i = len(ops)
				at[t.Path] = i
				ops = append(ops, operation{Path: t.Path, Kernel: t.Kernel})
			}
			if run == 0 {
				ops[i].FLOPs += t.FLOPs
				ops[i].Bytes += t.Bytes
			}
			for len(times[t.Path]) <= run {
				times[t.Path] = append(times[t.Path], 0)
			}
			times[t.Path][run] += t.Duration
		}
	}
	for i := range ops {
		ops[i].Duration = quantile(0.5, times[ops[i].Path])
	}
	return ops
}

// sorted returns the durations in seconds, ascending.
func sorted(times []time.Duration) []float64 {
	seconds := make([]float64, len(times))
	for i, t := range times {
		seconds[i] = t.Seconds()
	}
	slices.Sort(seconds)
	return seconds
}
