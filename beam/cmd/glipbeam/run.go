package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs" // gs://
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/spark"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"
	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/beam/pipeline"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runners are those that are in the program, of which prism works in it.
var runners = []string{"prism", "universal", "flink", "spark", "dataflow"}

// hide keeps Beam's flags out of the help.
func hide(f *pflag.Flag) { f.Hidden = true }

// newFlags lists Beam's flags.
func newFlags() *cobra.Command {
	return &cobra.Command{
		Use: "flags", Short: "list Beam's own flags, which its runners take", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			flag.CommandLine.VisitAll(func(f *flag.Flag) {
				_, failed := fmt.Fprintf(cmd.OutOrStdout(), "--%s\n      %s\n", f.Name, strings.ReplaceAll(f.Usage, "\n", "\n      "))
				err = errors.Join(err, failed)
			})
			return err
		},
	}
}

// run runs the pipeline.
func (f *flags) run(cmd *cobra.Command) (err error) {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	if !slices.Contains(runners, f.runner) {
		return usage("--runner %q: want %s", f.runner, strings.Join(runners, ", "))
	}
	local := f.runner == "prism" && (*jobopts.EnvironmentType == "" || strings.EqualFold(*jobopts.EnvironmentType, "loopback"))
	if err := f.settle(cmd); err != nil {
		return err
	}
	if !local {
		if err := f.far(); err != nil {
			return err
		}
	}
	if err := f.Check(); err != nil {
		return err
	}
	if err := f.CheckQuery(); err != nil {
		return err
	}
	sources, err := f.sources(ctx)
	if err != nil {
		return err
	}
	if !beam.Initialized() {
		beam.Init()
	}
	f.quiet(stderr) // Init sets a logger of its own
	if local {
		device, notes, done, failed := pipeline.Warm(ctx, f.Config)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, done()) }()
		told(stderr, device, notes)
	}
	if err := pipeline.Begin(ctx, f.Config, f.overwrite, local); err != nil {
		return err
	}
	began := time.Now()
	result, err := f.tries(ctx, sources, local, stderr)
	if err != nil {
		return err
	}
	if *jobopts.Async {
		fmt.Fprintf(cmd.OutOrStdout(), "the job is %s; %s is written last\n", result.JobID(), f.Output+"/summary.json")
		return nil
	}
	return f.report(ctx, cmd.OutOrStdout(), result, time.Since(began))
}

// told says what a user should know of device and weights.
func told(stderr io.Writer, d glipvk.DeviceInfo, notes []string) {
	if d.Fallback != "" {
		fmt.Fprintf(stderr, "glipbeam: auto takes the CPU: %s\n", d.Fallback)
	}
	for _, n := range notes {
		fmt.Fprintf(stderr, "glipbeam: %s\n", n)
	}
}

// quiet leaves what Beam logs to those who ask for it; what fails is returned as an error besides.
func (f *flags) quiet(stderr io.Writer) {
	level := slog.LevelError + 1
	if f.noisy {
		level = slog.LevelInfo
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})))
}

// tries runs the pipeline until it succeeds. What other runners do with a bundle that failed is done here with the whole of a local run,
// of which no shard that is done is computed again.
func (f *flags) tries(ctx context.Context, sources []pipeline.Source, local bool, stderr io.Writer) (beam.PipelineResult, error) {
	for attempt := 1; ; attempt++ {
		p, s := beam.NewPipelineWithRoot()
		pipeline.Build(s, f.Config, sources)
		result, err := beamRun(ctx, f.runner, p)
		switch {
		case err == nil:
			return result, nil
		case strings.Contains(err.Error(), glipvk.ErrInput.Error()): // of which a runner keeps the text
			return nil, usageError{brief(err)}
		case ctx.Err() != nil || !local || attempt >= f.attempts:
			return nil, brief(err)
		}
		fmt.Fprintf(stderr, "glipbeam: attempt %d of %d failed, and is made again: %v\n", attempt, f.attempts, brief(err))
	}
}

// beamRun runs a pipeline; tests make it fail.
var beamRun = beam.Run

// brief is what failed, without the plan that it was part of; --verbose shows that.
func brief(err error) error {
	said := err.Error()
	if i := strings.LastIndex(said, "failed:\n"); i >= 0 {
		return fmt.Errorf("the pipeline failed: %s", strings.TrimSpace(said[i+len("failed:\n"):]))
	}
	return err
}

// report prints what is in the output, and the metrics of this run.
func (f *flags) report(ctx context.Context, stdout io.Writer, result beam.PipelineResult, took time.Duration) error {
	t, err := pipeline.Summary(ctx, f.Config)
	if err != nil {
		return fmt.Errorf("the pipeline has ended, but its summary cannot be read: %w", err)
	}
	fmt.Fprintf(stdout, "%s: %d pictures, %d detections, %d dead letters, %d shards\n", f.Output, t.Pictures, t.Detections, t.Letters, t.Shards)
	if t.Letters > 0 {
		fmt.Fprintf(stdout, "what could not be read, and why: %s\n", f.Output+"/dead-letters-*.jsonl")
	}
	if t.Twice > 0 {
		fmt.Fprintf(stdout, "%d paths were named more than once, and are in the results once\n", t.Twice)
	}
	all := result.Metrics().Query(func(r metrics.SingleResult) bool { return r.Namespace() == pipeline.Namespace })
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "this run\ttook %.1f s\n", took.Seconds())
	counters := all.Counters()
	slices.SortFunc(counters, func(a, b metrics.CounterResult) int { return strings.Compare(a.Name(), b.Name()) })
	for _, c := range counters {
		if c.Name() == "shards_kept" && c.Result() == 0 {
			continue
		}
		fmt.Fprintf(w, "%s\t%d\n", c.Name(), c.Result())
	}
	distributions := all.Distributions()
	slices.SortFunc(distributions, func(a, b metrics.DistributionResult) int { return strings.Compare(a.Name(), b.Name()) })
	for _, d := range distributions {
		v := d.Result()
		if v.Count == 0 {
			continue
		}
		name, scale := d.Name(), 1.0
		if cut, ok := strings.CutSuffix(name, "microseconds"); ok {
			name, scale = cut+"seconds", 1e-6
		}
		fmt.Fprintf(w, "%s\tmean %.4g, %.4g to %.4g\n", name, float64(v.Sum)/float64(v.Count)*scale, float64(v.Min)*scale, float64(v.Max)*scale)
	}
	return w.Flush()
}
