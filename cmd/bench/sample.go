package main

import (
	"context"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"gonum.org/v1/gonum/stat"
)

// sample is one measurement: what --count repeats.
type sample struct {
	Wall   []time.Duration `json:"wall_ns"`   // of each run into memory that is there, input and output copies included
	Device []time.Duration `json:"device_ns"` // of each profiled run, the sum over its dispatches
	Ops    []operation     `json:"ops"`

	profile []glipvk.Timing // the run of median device time
}

// operation is the time spent by one kernel for one graph path, median of the profiled runs.
type operation struct {
	Path     string        `json:"path"`
	Kernel   string        `json:"kernel"`
	Duration time.Duration `json:"ns"`
	FLOPs    int64         `json:"flops"`
	Bytes    int64         `json:"bytes"`
	Bound    time.Duration `json:"bound_ns"` // the least that the roofline allows
}

// measure warms up, then runs for the duration asked for, then profiles. What was
// measured before an error is returned with it.
func (b *bench) measure(ctx context.Context) (sample, error) {
	var s sample
	room, err := b.model.Room(ctx, glipvk.SizeOf(b.input))
	if err != nil {
		return s, err
	}
	for start := b.begin(); start.more(warmUps); {
		if err := b.model.ExtractInto(ctx, room, b.input); err != nil {
			return s, err
		}
	}
	for start := time.Now(); time.Since(start) < b.duration || len(s.Wall) < leastRuns; {
		begin := time.Now()
		if err := b.model.ExtractInto(ctx, room, b.input); err != nil {
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
	middle := quantile(0.5, s.Device)
	s.profile = profiles[slices.Index(s.Device, middle)]
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

// operations joins the dispatches of one kernel for a path and takes the median over the
// profiles, in the order of execution.
func operations(profiles [][]glipvk.Timing) []operation {
	type key struct{ path, kernel string }
	at := map[key]int{}
	var ops []operation
	var times [][]time.Duration // of each operation, by run
	for run, timings := range profiles {
		for _, t := range timings {
			k := key{t.Path, t.Kernel}
			i, known := at[k]
			if !known {
				i = len(ops)
				at[k] = i
				ops = append(ops, operation{Path: t.Path, Kernel: t.Kernel})
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
