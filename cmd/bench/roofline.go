package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk/executor"
)

// roofline is what the device does at best: products at the measured GEMM peak,
// memory traffic at the speed of a large copy.
type roofline struct {
	gflops    float64 // of products
	gigabytes float64 // read and written in a second
}

// longestPeak is how long the GEMM peak is looked for, if --duration is not shorter.
const longestPeak = 2 * time.Second

// raise measures the device and keeps the best that was seen.
func (r *roofline) raise(ctx context.Context, e *executor.Executor, duration time.Duration) error {
	budget := min(duration, longestPeak)
	speed, err := e.Peak(ctx, budget)
	if err != nil {
		return fmt.Errorf("measuring the GEMM peak: %w", err)
	}
	r.gflops = max(r.gflops, speed)
	if speed, err = e.Bandwidth(ctx, budget/4); err != nil {
		return fmt.Errorf("measuring the copy bandwidth: %w", err)
	}
	r.gigabytes = max(r.gigabytes, speed)
	return nil
}

// bound is the least time that so much work can take: the larger of what the
// products and what the bytes take. It is 0 where nothing was measured.
func (r roofline) bound(flops, bytes int64) time.Duration {
	var seconds float64
	if r.gflops > 0 {
		seconds = float64(flops) / 1e9 / r.gflops
	}
	if r.gigabytes > 0 {
		seconds = max(seconds, float64(bytes)/1e9/r.gigabytes)
	}
	return time.Duration(seconds * 1e9)
}

// judge notes each operation's bound.
func (r roofline) judge(ops []operation) {
	for i, o := range ops {
		ops[i].Bound = r.bound(o.FLOPs, o.Bytes)
	}
}

// printOps writes device time by graph path, in execution order, each with its share
// of the roofline: the least time there is over the time taken. A share above 100 %
// means that operands came from a cache, not from memory.
func (r roofline) printOps(w io.Writer, ops []operation) error {
	var total, bound time.Duration
	var flops, bytes int64
	for _, o := range ops {
		total, bound = total+o.Duration, bound+o.Bound
		flops, bytes = flops+o.FLOPs, bytes+o.Bytes
	}
	fmt.Fprintf(w, "roofline: GEMM peak %.1f GFLOP/s, copy %.1f GB/s (read and written), both measured here\n", r.gflops, r.gigabytes)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "ms\tof time\tGFLOP/s\tof peak\tGB/s\tbound by\tof roofline\t kernel  path")
	row := func(t, bound time.Duration, flops, bytes int64, by, label string) {
		seconds := max(t.Seconds(), 1e-12)
		speed, share, moved := rates(seconds, r.gflops, flops, bytes)
		fmt.Fprintf(tw, "%.3f\t%s\t%s\t%s\t%s\t%s\t%s\t %s\n", 1000*seconds, percent(seconds, total.Seconds()), speed, share,
			moved, by, percent(bound.Seconds(), seconds), label)
	}
	for _, o := range ops {
		by := "memory"
		if r.bound(o.FLOPs, 0) == o.Bound {
			by = "products"
		}
		row(o.Duration, o.Bound, o.FLOPs, o.Bytes, by, o.Kernel+"  "+o.Path)
	}
	row(total, bound, flops, bytes, "both", "total")
	fmt.Fprintln(tw)
	return tw.Flush()
}

// rates writes GFLOP/s, their share of a peak, and GB/s.
func rates(seconds, peak float64, flops, bytes int64) (speed, share, moved string) {
	speed, share = "-", "-"
	if flops > 0 {
		speed = fmt.Sprintf("%.1f", float64(flops)/1e9/seconds)
		share = percent(float64(flops)/1e9/seconds, peak)
	}
	return speed, share, fmt.Sprintf("%.2f", float64(bytes)/1e9/seconds)
}

// percent writes part of whole.
func percent(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*part/whole)
}
