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
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/swin"
	"golang.org/x/perf/benchfmt"
)

// origin says where and of what something was measured.
type origin struct {
	Device      glipvk.DeviceInfo `json:"device"`
	Commit      string            `json:"commit"`
	Go          string            `json:"go"`
	Started     time.Time         `json:"started"`
	Interrupted bool              `json:"interrupted,omitempty"`
}

func originOf(d glipvk.DeviceInfo) origin {
	return origin{Device: d, Commit: commit(), Go: runtime.Version(), Started: time.Now().UTC().Truncate(time.Second)}
}

// report is everything that a benchmark found out; its JSON is what --json writes.
type report struct {
	origin
	Model        string           `json:"model"`
	Arch         swin.Config      `json:"arch"`               // of a detector, its backbone's
	Detector     *glip.Config     `json:"detector,omitempty"` // nil for a backbone
	Weights      string           `json:"weights"`
	Batch        int              `json:"batch"`
	Height       int              `json:"height"` // of the pictures
	Width        int              `json:"width"`
	Captions     []caption        `json:"captions,omitempty"`
	Precision    glipvk.Precision `json:"precision"`
	Tuned        bool             `json:"tuning"` // kernels chosen by measuring
	Fused        bool             `json:"fused"`
	MultiplyAdds int64            `json:"multiply_adds"`   // of the batch, nothing known
	Counts       *glipvk.Counts   `json:"parts,omitempty"` // of them
	Stats        glipvk.Stats     `json:"program"`
	Load         time.Duration    `json:"load_ns"`
	First        time.Duration    `json:"first_ns"` // first run, programs made in it
	Check        string           `json:"check"`
	PeakGFLOPS   float64          `json:"peak_gflops"`                  // measured in large products with the same kernels
	CopyGBs      float64          `json:"copy_gb_s"`                    // read and written in a second, by a large copy
	FirstPeak    int64            `json:"first_peak_bytes,omitempty"`   // resident, from the start to the first run
	ProcessPeak  int64            `json:"process_peak_bytes,omitempty"` // after the check
	Trials       []glipvk.Trial   `json:"trials,omitempty"`             // of --tune
	Cases        []testCase       `json:"cases"`
	Samples      []sample         `json:"samples"`                // of --count, by case in each
	Second       float64          `json:"second_query,omitempty"` // time of a second query on a Sight, of the whole
	Modules      []moduleRow      `json:"modules,omitempty"`      // of --per-op and a detector
	Parts        []moduleRow      `json:"tower,omitempty"`        // parts of the tower, all layers together

	Training *trainingReport `json:"training,omitempty"`

	peakNote string      // to ProcessPeak
	heading  string      // what is measured, after the model
	line     string      // the name of benchmark lines
	notes    [][2]string // rows of the model's own
}

func newReport(b *bench) *report {
	m := b.model
	device := m.Device().Vulkan
	return &report{
		Tuned: device != nil && b.options.Tuning.Measures(*device), Fused: device != nil && !b.options.NoFusion,
		Model: m.Info().Name, Weights: m.Weights(), Batch: b.batch, Cases: b.cases, MultiplyAdds: b.cases[0].MultiplyAdds,
		origin: originOf(m.Device()), Precision: m.Device().Precision,
	}
}

func (r *report) roofline() roofline { return roofline{r.PeakGFLOPS, r.CopyGBs} }

// judge computes what follows from the samples.
func (r *report) judge(perOp string) {
	last := r.last()
	for _, s := range r.Samples {
		r.roofline().judge(s.Ops)
	}
	if r.Training != nil {
		r.Training.judge(r, perOp)
	}
	if r.Detector == nil || r.Training != nil {
		return
	}
	if last[nothingKnown] != nil && last[pictureKnown] != nil {
		r.Second = quantile(0.5, last[pictureKnown].Wall).Seconds() / quantile(0.5, last[nothingKnown].Wall).Seconds()
	}
	if perOp == "" {
		return
	}
	var ops [detectorCases][]operation
	for i, s := range last {
		if s != nil {
			ops[i] = s.Ops
		}
	}
	fusion := r.Detector.Fusion
	r.Modules = moduleRows(ops, func(path string) string { return moduleOf(path, fusion).name })
	r.Modules = append(r.Modules, moduleRows(ops, func(string) string { return "total" })...)
	r.Parts = moduleRows(ops, func(path string) string { return moduleOf(path, fusion).part })
}

// last are the last samples of each case, nil for none.
func (r *report) last() []*sample {
	list := make([]*sample, len(r.Cases))
	for i := range r.Samples {
		list[r.Samples[i].which] = &r.Samples[i]
	}
	return list
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
	moved               float64 // bytes, by the operations profiled
}

func (r *report) figures(s sample) figures {
	f := figures{median: quantile(0.5, s.Wall).Seconds(), p90: quantile(0.9, s.Wall).Seconds()}
	work := 2 * float64(r.Cases[s.which].MultiplyAdds) / 1e9
	f.images, f.gflops = float64(r.Batch)/f.median, work/f.median
	if len(s.Device) > 0 {
		f.device = quantile(0.5, s.Device).Seconds()
		f.devGFLOPS = work / f.device
	}
	if r.PeakGFLOPS > 0 {
		f.share, f.devShare = f.gflops/r.PeakGFLOPS, f.devGFLOPS/r.PeakGFLOPS
	}
	for _, o := range s.Ops {
		f.moved += float64(o.Bytes)
	}
	return f
}

// print writes the tables, then the lines for benchstat.
func (r *report) print(w io.Writer, perOp string) error {
	if len(r.Trials) > 0 {
		if err := printTrials(w, r.Trials); err != nil {
			return err
		}
	}
	last := r.last()[0]
	if perOp != "" && (perOp == perPath || r.Detector == nil) && last != nil && len(last.Ops) > 0 {
		if err := r.roofline().printOps(w, last.Ops); err != nil {
			return err
		}
	}
	if err := r.printModules(w); err != nil {
		return err
	}
	if r.Training != nil {
		if err := r.Training.printTables(w, r); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%s, %s, %s on %s\n", r.Model, r.heading, r.Precision, r.Device.Name)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	r.printFigures(func(name, format string, args ...any) {
		fmt.Fprintf(tw, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	})
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.printBenchmarks(w)
}

// printFigures writes a row for each figure.
func (r *report) printFigures(row func(name, format string, args ...any)) {
	if r.Device.Fallback != "" {
		row("fallback because", "%s", r.Device.Fallback)
	}
	if why := r.Device.PrecisionReason; why != "" {
		row("precision", "%s: %s", r.Precision, why)
	}
	row("kernels", "%s", r.choice())
	row("check", "%s", r.Check)
	for _, note := range r.notes {
		row(note[0], "%s", note[1])
	}
	row("work", "%.3f GFLOP, %.1f MB moved, %d dispatches, %d barriers, %d submissions",
		2*float64(r.MultiplyAdds)/1e9, float64(r.Stats.BytesMoved)/1e6, r.Stats.Dispatches, r.Stats.Barriers, r.Stats.Submissions)
	printMemory(r.Stats, row)
	if r.FirstPeak > 0 && r.ProcessPeak > 0 {
		row("process peak", "%.1f MiB resident up to the first run, %.1f MiB%s", mib(r.FirstPeak), mib(r.ProcessPeak), r.peakNote)
	}
	row("loaded in", "%v", r.Load.Round(time.Millisecond))
	row("first run", "%v, programs made in it", r.First.Round(time.Millisecond))
	row("GEMM peak", "%.1f GFLOP/s, measured with the same kernels", r.PeakGFLOPS)
	row("copy", "%.1f GB/s read and written", r.CopyGBs)
	for i, s := range r.Samples {
		name := fmt.Sprintf("%s %d", r.Cases[s.which].Name, 1+i/len(r.Cases))
		f := r.figures(s)
		row(name+", wall time", "median %s, p90 %s, %d runs: %.3f images/s, %.2f GFLOP/s, %.0f %% of peak",
			readable(f.median), readable(f.p90), len(s.Wall), f.images, f.gflops, 100*f.share)
		if f.device > 0 {
			row(name+", device time", "median %s, %d runs: %.2f GFLOP/s, %.0f %% of peak, %.2f GB/s",
				readable(f.device), len(s.Device), f.devGFLOPS, 100*f.devShare, f.moved/1e9/f.device)
		}
		if r.Training != nil && i < len(r.Training.Phases) {
			r.Training.printPhases(r.Training.Phases[i], 1+i/len(r.Cases), r.PeakGFLOPS, row)
		}
	}
	if r.Training != nil && r.Training.Second > 0 {
		row("second epoch", "%.3f of the time of the first", r.Training.Second)
	}
	if r.Second > 0 {
		row("second query on a Sight", "%.3f of the time of the whole", r.Second)
	}
	if r.Interrupted {
		row("interrupted", "the last measurement is cut short")
	}
}

// printBenchmarks writes the Go benchmark format (golang.org/design/14313-benchmark-format):
// configuration as "key: value", then one line for each sample.
func (r *report) printBenchmarks(w io.Writer) error {
	config := append(r.machine(), configuration([][2]string{
		{"weights", r.Weights}, {"kernels", r.choice()}, {"check", r.Check},
	})...)
	lines := benchfmt.NewWriter(w)
	for _, s := range r.Samples {
		f := r.figures(s)
		name := r.line
		if s.Case != "" {
			name += r.caseKey() + s.Case
		}
		values := []benchfmt.Value{{Value: math.Round(f.median * 1e9), Unit: "ns/op"}, {Value: math.Round(f.p90 * 1e9), Unit: "p90-ns/op"}}
		if f.device > 0 {
			values = append(values, benchfmt.Value{Value: math.Round(f.device * 1e9), Unit: "device-ns/op"}, benchfmt.Value{Value: f.moved, Unit: "moved-B/op"})
		}
		values = append(values, benchfmt.Value{Value: f.images, Unit: "images/s"}, benchfmt.Value{Value: f.gflops, Unit: "GFLOP/s"},
			benchfmt.Value{Value: 100 * f.share, Unit: "%peak"})
		if err := lines.Write(&benchfmt.Result{Config: config, Name: benchfmt.Name(name), Iters: len(s.Wall), Values: values}); err != nil {
			return err
		}
	}
	return nil
}

// caseKey is what a case is, in the name of a line.
func (r *report) caseKey() string {
	if r.Training != nil {
		return "/epoch="
	}
	return "/known="
}

// readable writes seconds in a unit that suits them.
func readable(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.2f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.3f s", seconds)
}

// driver is the name and version of the device's driver.
func (o origin) driver() string {
	if o.Device.Vulkan == nil {
		return "none"
	}
	return strings.TrimSpace(o.Device.Vulkan.Driver + " " + o.Device.Vulkan.DriverVersion)
}

// machine is the configuration of a benchmark line that names where it was measured.
func (o origin) machine() []benchfmt.Config {
	return configuration([][2]string{
		{"goos", runtime.GOOS}, {"goarch", runtime.GOARCH}, {"pkg", "github.com/glipvk/glipvk/cmd/bench"},
		{"device", o.Device.Name}, {"driver", o.driver()}, {"commit", o.Commit}, {"precision", string(o.Device.Precision)},
	})
}

func configuration(pairs [][2]string) []benchfmt.Config {
	var list []benchfmt.Config
	for _, p := range pairs {
		list = append(list, benchfmt.Config{Key: p[0], Value: []byte(p[1]), File: true})
	}
	return list
}

// choice says how the kernels came about.
func (r *report) choice() string {
	if r.Device.Vulkan == nil {
		return "CPU"
	}
	text := "fused"
	if !r.Fused {
		text = "not fused"
	}
	if r.Tuned {
		return text + ", tuned"
	}
	return text + ", not tuned"
}
