package main

import (
	"context"
	"time"

	"github.com/glipvk/glipvk"
)

// detectorSample is one measurement: what --count repeats.
type detectorSample struct {
	Wall [cases][]time.Duration `json:"wall_ns"` // of each detection, preprocessing not included
}

// samples takes the measurements, then the profiles. Its error says that there is
// nothing to print.
func (b *detectorBench) samples(ctx context.Context, r *detectorReport) error {
	for range b.count {
		s, err := b.measure(ctx)
		if len(s.Wall[nothingKnown]) > 0 {
			r.Samples = append(r.Samples, s)
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
	}
	if len(r.Samples) == 0 {
		return ctx.Err()
	}
	r.SteadyPeak = processPeak()
	if err := b.rest(ctx, r); err != nil && ctx.Err() == nil {
		return err
	}
	r.Interrupted = ctx.Err() != nil
	for _, ops := range r.Ops {
		r.roofline().judge(ops)
	}
	return nil
}

// rest profiles, if asked to, and looks at the device once more: on a busy machine the
// first look may have been unlucky.
func (b *detectorBench) rest(ctx context.Context, r *detectorReport) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.perOp != "" {
		if err := b.profile(ctx, r); err != nil {
			return err
		}
	}
	return b.device(ctx, r)
}

// measure runs rounds of all cases for the duration, or as many as asked for.
func (b *detectorBench) measure(ctx context.Context) (s detectorSample, err error) {
	start := time.Now()
	for n := 0; ; n++ {
		spent := time.Since(start)
		if b.iterations > 0 && n >= b.iterations || b.iterations == 0 && n > 0 && spent >= b.duration {
			return s, nil
		}
		for which := range cases {
			if b.iterations > 0 {
				b.meter.Show("measuring", int64(n*cases+which), int64(b.iterations*cases))
			} else {
				b.meter.Show("measuring", min(time.Since(start), b.duration).Milliseconds(), b.duration.Milliseconds())
			}
			if which == nothingKnown {
				b.detector.Forget()
			}
			in, q := b.run(which)
			begin := time.Now()
			found, err := b.detector.DetectInput(ctx, q, in)
			if err != nil {
				return s, err
			}
			wall := time.Since(begin)
			if err := b.same(which, found); err != nil {
				return s, err
			}
			s.Wall[which] = append(s.Wall[which], wall)
			b.ran(which)
		}
	}
}

// profile times the dispatches of every case, several times if there is time for it.
func (b *detectorBench) profile(ctx context.Context, r *detectorReport) error {
	var profiles [cases][][]glipvk.Timing
	for start := (&round{start: time.Now(), duration: b.duration / 2}); start.more(profileRuns); {
		for which := range cases {
			b.meter.Show("profiling", int64((start.done-1)*cases+which), profileRuns*cases)
			if which == nothingKnown {
				b.detector.Forget()
			}
			in, q := b.run(which)
			timings, err := b.detector.Profile(ctx, q, in)
			if err != nil {
				return err
			}
			profiles[which] = append(profiles[which], timings)
		}
	}
	for which := range cases {
		r.Ops[which] = operations(profiles[which])
	}
	fusion := b.detector.Info().Detector.Fusion
	r.Modules = moduleRows(r.Ops, func(path string) string { return moduleOf(path, fusion).name })
	r.Parts = moduleRows(r.Ops, func(path string) string { return moduleOf(path, fusion).part })
	return nil
}
