package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
	"golang.org/x/perf/benchfmt"
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
	Precision    glipvk.Precision  `json:"precision"`
	Tuned        bool              `json:"tuning"` // kernels chosen by measuring
	Fused        bool              `json:"fused"`
	Commit       string            `json:"commit"`
	Go           string            `json:"go"`
	Started      time.Time         `json:"started"`
	MultiplyAdds int64             `json:"multiply_adds"` // of the batch
	Stats        glipvk.Stats      `json:"program"`
	Compile      time.Duration     `json:"compile_ns"` // of the program; short when the pipelines were cached
	Check        string            `json:"check"`
	PeakGFLOPS   float64           `json:"peak_gflops"`                  // measured in large products with the same kernels
	CopyGBs      float64           `json:"copy_gb_s"`                    // read and written in a second, by a large copy
	ProcessPeak  int64             `json:"process_peak_bytes,omitempty"` // after the check
	Trials       []glipvk.Trial    `json:"trials,omitempty"`             // of --tune
	Samples      []sample          `json:"samples"`
	Interrupted  bool              `json:"interrupted,omitempty"`

	peakNote string // to ProcessPeak
}

func newReport(b *bench, c graph.Counts) *report {
	vulkan := b.model.Device().Vulkan != nil
	return &report{
		Tuned: vulkan && !b.options.Tuning.Off, Fused: vulkan && !b.options.NoFusion,
		Model: b.model.Info().Name, Arch: b.model.Info().Backbone, Weights: b.model.Weights(),
		Batch: b.batch, Height: b.height, Width: b.width,
		Device: b.model.Device(), Precision: b.model.Device().Precision, Commit: commit(), Go: runtime.Version(),
		Started: time.Now().UTC().Truncate(time.Second), MultiplyAdds: c.MultiplyAdds,
	}
}

func (r *report) roofline() roofline { return roofline{r.PeakGFLOPS, r.CopyGBs} }

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

// print writes the tables, then the lines for benchstat.
func (r *report) print(w io.Writer, perOp bool) error {
	if len(r.Trials) > 0 {
		if err := printTrials(w, r.Trials); err != nil {
			return err
		}
	}
	last := r.Samples[len(r.Samples)-1]
	if perOp && len(last.Ops) > 0 {
		if err := r.roofline().printOps(w, last.Ops); err != nil {
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
	if why := r.Device.PrecisionReason; why != "" {
		row("precision", "%s: %s", r.Precision, why)
	}
	row("kernels", "%s", r.choice())
	row("check", "%s", r.Check)
	row("work", "%.3f GFLOP, %.1f MB moved, %d dispatches, %d barriers",
		2*float64(r.MultiplyAdds)/1e9, float64(r.Stats.BytesMoved)/1e6, r.Stats.Dispatches, r.Stats.Barriers)
	printMemory(r.Stats, row)
	if r.ProcessPeak > 0 {
		row("process peak", "%.1f MiB resident%s", mib(r.ProcessPeak), r.peakNote)
	}
	row("program made in", "%v", r.Compile.Round(time.Millisecond))
	row("GEMM peak", "%.1f GFLOP/s, measured with the same kernels", r.PeakGFLOPS)
	row("copy", "%.1f GB/s read and written", r.CopyGBs)
	for i, s := range r.Samples {
		f := r.figures(s)
		row(fmt.Sprintf("wall time %d", i+1), "median %s, p90 %s, %d runs: %.3f images/s, %.2f GFLOP/s, %.0f %% of peak",
			readable(f.median), readable(f.p90), len(s.Wall), f.images, f.gflops, 100*f.share)
		if f.device > 0 {
			row(fmt.Sprintf("device time %d", i+1), "median %s, %d runs: %.2f GFLOP/s, %.0f %% of peak, %.2f GB/s",
				readable(f.device), len(s.Device), f.devGFLOPS, 100*f.devShare, float64(r.Stats.BytesMoved)/1e9/f.device)
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

// printBenchmarks writes the Go benchmark format (golang.org/design/14313-benchmark-format):
// configuration as "key: value", then one line for each sample.
func (r *report) printBenchmarks(w io.Writer) error {
	config := append(machine(r.Device, r.Commit), configuration([][2]string{
		{"weights", r.Weights}, {"kernels", r.choice()}, {"check", r.Check},
	})...)
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

// readable writes seconds in a unit that suits them.
func readable(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.2f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.3f s", seconds)
}

// driverName is the name and version of a device's driver.
func driverName(d glipvk.DeviceInfo) string {
	if d.Vulkan == nil {
		return "none"
	}
	return strings.TrimSpace(d.Vulkan.Driver + " " + d.Vulkan.DriverVersion)
}

// machine is the configuration of a benchmark line that names where it was measured.
func machine(d glipvk.DeviceInfo, commit string) []benchfmt.Config {
	return configuration([][2]string{
		{"goos", runtime.GOOS}, {"goarch", runtime.GOARCH}, {"pkg", "github.com/glipvk/glipvk/cmd/bench"},
		{"device", d.Name}, {"driver", driverName(d)}, {"commit", commit}, {"precision", string(d.Precision)},
	})
}

func configuration(pairs [][2]string) []benchfmt.Config {
	var list []benchfmt.Config
	for _, p := range pairs {
		list = append(list, benchfmt.Config{Key: p[0], Value: []byte(p[1]), File: true})
	}
	return list
}

func (r *report) choice() string { return choice(r.Device, r.Fused, r.Tuned) }

// choice says how the kernels came about.
func choice(d glipvk.DeviceInfo, fused, tuned bool) string {
	if d.Vulkan == nil {
		return "CPU"
	}
	text := "fused"
	if !fused {
		text = "not fused"
	}
	if tuned {
		return text + ", tuned"
	}
	return text + ", not tuned"
}
