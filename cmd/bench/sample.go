package main

import (
	"context"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"gonum.org/v1/gonum/stat"
)

// sample is one measurement of a case: what --count repeats.
type sample struct {
	Case   string          `json:"case,omitempty"`
	Wall   []time.Duration `json:"wall_ns"`   // of each run, input and output copies included, preprocessing not
	Device []time.Duration `json:"device_ns"` // of each profiled run, the sum over its dispatches
	Ops    []operation     `json:"ops"`

	which   int
	profile []glipvk.Timing // the run of median device time
}

// operation is the time spent by one kernel for one graph path, median of the profiled runs.
type operation struct {
	Part     string        `json:"part"`
	Path     string        `json:"path"`
	Kernel   string        `json:"kernel"`
	Duration time.Duration `json:"ns"`
	FLOPs    int64         `json:"flops"`
	Bytes    int64         `json:"bytes"`
	Bound    time.Duration `json:"bound_ns"` // the least that the roofline allows
}

// measure warms up, then runs rounds of all cases for the duration, or as many as asked
// for. What was measured before an error is returned with it.
func (b *bench) measure(ctx context.Context) ([]sample, error) {
	list := make([]sample, len(b.cases))
	for i, c := range b.cases {
		list[i].Case, list[i].which = c.Line, i
	}
	least := 1
	if len(b.cases) == 1 {
		least = leastRuns
		for warm := b.begin(b.duration); b.iterations == 0 && warm.more(warmUps); {
			if _, err := b.once(ctx, 0); err != nil {
				return list, err
			}
		}
	}
	start := time.Now()
	for n := 0; ; n++ {
		if b.iterations > 0 && n >= b.iterations || b.iterations == 0 && n >= least && time.Since(start) >= b.duration {
			return list, nil
		}
		for which := range b.cases {
			if b.iterations > 0 {
				b.meter.Show("measuring", int64(n*len(b.cases)+which), int64(b.iterations*len(b.cases)))
			} else {
				b.meter.Show("measuring", min(time.Since(start), b.duration).Milliseconds(), b.duration.Milliseconds())
			}
			wall, err := b.once(ctx, which)
			if err != nil {
				return list, err
			}
			list[which].Wall = append(list[which].Wall, wall)
			b.ran(which)
		}
	}
}

// profile times the dispatches of the whole, several times if there is time for it. A case
// has those of the parts that it takes.
func (b *bench) profile(ctx context.Context, list []sample) error {
	profiles := make([][][]glipvk.Timing, len(list))
	for start := b.begin(b.duration / 2); start.more(profileRuns); {
		b.meter.Show("profiling", int64(start.done-1), profileRuns)
		timings, err := b.model.profile(ctx)
		if err != nil {
			return err
		}
		for i, c := range b.cases {
			taken := slices.Clone(timings)
			taken = slices.DeleteFunc(taken, func(t glipvk.Timing) bool { return c.parts != nil && !slices.Contains(c.parts, t.Part) })
			var sum time.Duration
			for _, t := range taken {
				sum += t.Duration
			}
			profiles[i] = append(profiles[i], taken)
			list[i].Device = append(list[i].Device, sum)
		}
	}
	for i := range list {
		s := &list[i]
		s.Ops = operations(profiles[i])
		s.profile = profiles[i][slices.Index(s.Device, quantile(0.5, s.Device))]
	}
	return nil
}

// round counts runs that are repeated for a duration.
type round struct {
	start    time.Time
	duration time.Duration
	done     int
}

func (b *bench) begin(d time.Duration) *round { return &round{start: time.Now(), duration: d} }

// more says whether to run again: at least once, at most most times, not once the duration is over.
func (r *round) more(most int) bool {
	again := r.done == 0 || r.done < most && time.Since(r.start) < r.duration
	r.done++
	return again
}

// operations joins the dispatches of one kernel for a path and takes the median over the
// profiles, in the order of execution.
func operations(profiles [][]glipvk.Timing) []operation {
	type key struct{ part, path, kernel string }
	at := map[key]int{}
	var ops []operation
	var times [][]time.Duration // of each operation, by run
	for run, timings := range profiles {
		for _, t := range timings {
			k := key{t.Part, t.Path, t.Kernel}
			i, known := at[k]
			if !known {
				i = len(ops)
				at[k] = i
				ops = append(ops, operation{Part: t.Part, Path: t.Path, Kernel: t.Kernel})
				times = append(times, nil)
			}
			if run == 0 {
				ops[i].FLOPs += t.FLOPs
				ops[i].Bytes += t.Bytes
			}
			for len(times[i]) <= run {
				times[i] = append(times[i], 0)
			}
			times[i][run] += t.Duration
		}
	}
	for i := range ops {
		ops[i].Duration = quantile(0.5, times[i])
	}
	return ops
}

// ascending returns the values in order.
func ascending(values []float64) []float64 { return slices.Sorted(slices.Values(values)) }

// quantile is the smallest of the durations that p of them do not pass.
func quantile(p float64, times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	seconds := make([]float64, len(times))
	for i, t := range times {
		seconds[i] = t.Seconds()
	}
	return time.Duration(stat.Quantile(p, stat.Empirical, ascending(seconds), nil)*1e9 + 0.5)
}
