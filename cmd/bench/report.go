package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
	"golang.org/x/perf/benchfmt"
	"gonum.org/v1/gonum/stat"
)

// report is everything that a benchmark found out; its JSON is what --json writes.
type report struct {
	Model        string            `json:"model"`
	Arch         swin.Config       `json:"arch"`
	Weights      string            `json:"weights"`
	Batch        int               `json:"batch"`
	Height       int               `json:"height"`
	Width        int               `json:"width"`
	Device       glipvk.DeviceInfo `json:"device"`
	Precision    string            `json:"precision"`
	Commit       string            `json:"commit"`
	Go           string            `json:"go"`
	Started      time.Time         `json:"started"`
	MultiplyAdds int64             `json:"multiply_adds"` // of the batch
	Stats        glipvk.Stats      `json:"program"`
	Compile      time.Duration     `json:"compile_ns"` // of the program; short when the pipelines were cached
	Check        string            `json:"check"`
	PeakGFLOPS   float64           `json:"peak_gflops"` // measured in large products with the same kernels
	Samples      []sample          `json:"samples"`
	Interrupted  bool              `json:"interrupted,omitempty"`
}

func newReport(b *bench, c graph.Counts) *report {
	return &report{
		Model: b.model.Info().Name, Arch: b.model.Info().Config, Weights: b.model.Weights(),
		Batch: b.batch, Height: b.height, Width: b.width,
		Device: b.model.Device(), Precision: "float32", Commit: commit(), Go: runtime.Version(),
		Started: time.Now().UTC().Truncate(time.Second), MultiplyAdds: c.MultiplyAdds,
	}
}

// commit is the revision this program was built from, as the go command recorded it.
func commit() string {
	revision, changed := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(len(s.Value), 12)]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+changes"
			}
		}
	}
	return revision + changed
}

// figures are what is computed from one sample.
type figures struct {
	median, p90, device float64 // seconds; device is 0 where it was not reached
	images, gflops      float64 // per second of wall time
	share               float64 // of the measured peak
	devGFLOPS, devShare float64 // the same by device time
}

func (r *report) figures(s sample) figures {
	f := figures{median: quantile(0.5, s.Wall).Seconds(), p90: quantile(0.9, s.Wall).Seconds()}
	work := 2 * float64(r.MultiplyAdds) / 1e9
	f.images, f.gflops = float64(r.Batch)/f.median, work/f.median
	if len(s.Device) > 0 {
		f.device = quantile(0.5, s.Device).Seconds()
		f.devGFLOPS = work / f.device
	}
	if r.PeakGFLOPS > 0 {
		f.share, f.devShare = f.gflops/r.PeakGFLOPS, f.devGFLOPS/r.PeakGFLOPS
	}
	return f
}

// quantile is the smallest of the durations that p of them do not pass.
func quantile(p float64, times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return time.Duration(stat.Quantile(p, stat.Empirical, sorted(times), nil)*1e9 + 0.5)
}

// print writes the tables, then the lines for benchstat.
func (r *report) print(w io.Writer, perOp bool) error {
	last := r.Samples[len(r.Samples)-1]
	if perOp && len(last.Ops) > 0 {
		if err := r.printOps(w, last); err != nil {
			return err
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "%s, %dx%d, batch %d, %s on %s\n", r.Model, r.Height, r.Width, r.Batch, r.Precision, r.Device.Name)
	if r.Device.Fallback != "" {
		row("fallback because", "%s", r.Device.Fallback)
	}
	row("check", "%s", r.Check)
	row("work", "%.3f GFLOP, %.1f MB moved, %d dispatches, %d barriers",
		2*float64(r.MultiplyAdds)/1e9, float64(r.Stats.BytesMoved)/1e6, r.Stats.Dispatches, r.Stats.Barriers)
	row("memory", "weights %.1f MiB, arena %.1f MiB (at least %.1f), staging %.1f MiB%s",
		mib(r.Stats.WeightBytes), mib(r.Stats.ArenaBytes), mib(r.Stats.LiveBytes), mib(r.Stats.StagingBytes), processPeak())
	row("program made in", "%v", r.Compile.Round(time.Millisecond))
	row("GEMM peak", "%.1f GFLOP/s, measured with the same kernels", r.PeakGFLOPS)
	for i, s := range r.Samples {
		f := r.figures(s)
		row(fmt.Sprintf("wall time %d", i+1), "median %s, p90 %s, %d runs: %.3f images/s, %.2f GFLOP/s, %.0f %% of peak",
			text(f.median), text(f.p90), len(s.Wall), f.images, f.gflops, 100*f.share)
		if f.device > 0 {
			row(fmt.Sprintf("device time %d", i+1), "median %s, %d runs: %.2f GFLOP/s, %.0f %% of peak, %.2f GB/s",
				text(f.device), len(s.Device), f.devGFLOPS, 100*f.devShare, float64(r.Stats.BytesMoved)/1e9/f.device)
		}
	}
	if r.Interrupted {
		row("interrupted", "the last measurement is cut short")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.printBenchmarks(w)
}

// printOps writes device time by graph path, in execution order.
func (r *report) printOps(w io.Writer, s sample) error {
	var total time.Duration
	for _, o := range s.Ops {
		total += o.Duration
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "ms\tshare\tGFLOP/s\tof peak\tGB/s\t kernel  path")
	for _, o := range s.Ops {
		seconds := max(o.Duration.Seconds(), 1e-12)
		speed, share := "-", "-"
		if o.FLOPs > 0 {
			speed = fmt.Sprintf("%.1f", float64(o.FLOPs)/1e9/seconds)
			share = fmt.Sprintf("%.0f %%", 100*float64(o.FLOPs)/1e9/seconds/max(r.PeakGFLOPS, 1e-12))
		}
		fmt.Fprintf(tw, "%.3f\t%.1f %%\t%s\t%s\t%.2f\t %s  %s\n",
			1000*seconds, 100*float64(o.Duration)/float64(max(total, 1)), speed, share, float64(o.Bytes)/1e9/seconds, o.Kernel, o.Path)
	}
	fmt.Fprintf(tw, "%.3f\t100 %%\t\t\t\t total\n\n", 1000*total.Seconds())
	return tw.Flush()
}

// printBenchmarks writes the Go benchmark format (golang.org/design/14313-benchmark-format):
// configuration as "key: value", then one line for each sample.
func (r *report) printBenchmarks(w io.Writer) error {
	driver := "none"
	if v := r.Device.Vulkan; v != nil {
		driver = strings.TrimSpace(v.Driver + " " + v.DriverVersion)
	}
	var config []benchfmt.Config
	for _, c := range [][2]string{
		{"goos", runtime.GOOS}, {"goarch", runtime.GOARCH}, {"pkg", "github.com/glipvk/glipvk/cmd/bench"},
		{"device", r.Device.Name}, {"driver", driver}, {"commit", r.Commit}, {"weights", r.Weights},
		{"precision", r.Precision}, {"check", r.Check},
	} {
		config = append(config, benchfmt.Config{Key: c[0], Value: []byte(c[1]), File: true})
	}
	lines := benchfmt.NewWriter(w)
	name := fmt.Sprintf("Features/model=%s/size=%dx%d/batch=%d", r.Model, r.Height, r.Width, r.Batch)
	for _, s := range r.Samples {
		f := r.figures(s)
		values := []benchfmt.Value{{Value: math.Round(f.median * 1e9), Unit: "ns/op"}, {Value: math.Round(f.p90 * 1e9), Unit: "p90-ns/op"}}
		if f.device > 0 {
			values = append(values, benchfmt.Value{Value: math.Round(f.device * 1e9), Unit: "device-ns/op"})
		}
		values = append(values, benchfmt.Value{Value: f.images, Unit: "images/s"}, benchfmt.Value{Value: f.gflops, Unit: "GFLOP/s"},
			benchfmt.Value{Value: 100 * f.share, Unit: "%peak"}, benchfmt.Value{Value: float64(r.Stats.BytesMoved), Unit: "moved-B/op"})
		if err := lines.Write(&benchfmt.Result{Config: config, Name: benchfmt.Name(name), Iters: len(s.Wall), Values: values}); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes the report beside its place, then moves it there.
func (r *report) writeJSON(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".bench-*")
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("--json: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// writable makes a folder, if need be, and makes sure that a file can be written there.
func writable(folder string) error {
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(folder, ".bench-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("--json: %w; choose a folder that can be written (%w)", err, glipvk.ErrInput)
	}
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// text writes seconds in a readable unit.
func text(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.2f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.3f s", seconds)
}

// processPeak is the most memory this process ever held, where the system says so (Linux).
func processPeak() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if n, err := fmt.Sscanf(rest, "%d kB", &kib); !ok || n != 1 || err != nil {
		return ""
	}
	return fmt.Sprintf("; process peak %.1f MiB", mib(kib<<10))
}
