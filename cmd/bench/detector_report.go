package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"golang.org/x/perf/benchfmt"
)

// detectorReport is everything that a benchmark of the detector found out; its JSON is
// what --json writes. Arrays of three are the cases: nothing known, the caption known, the
// picture known.
type detectorReport struct {
	Model       string                `json:"model"`
	Arch        glip.Config           `json:"arch"`
	Weights     string                `json:"weights"`
	Height      int                   `json:"height"` // of the pictures
	Width       int                   `json:"width"`
	Padded      [2]int                `json:"padded"` // to height x width
	Captions    [2]caption            `json:"captions"`
	Device      glipvk.DeviceInfo     `json:"device"`
	Precision   glipvk.Precision      `json:"precision"`
	Tuned       bool                  `json:"tuning"` // kernels chosen by measuring
	Fused       bool                  `json:"fused"`
	Absorbed    bool                  `json:"absorbed"` // cross attention
	Commit      string                `json:"commit"`
	Go          string                `json:"go"`
	Started     time.Time             `json:"started"`
	Counts      glipvk.Counts `json:"multiply_adds"`
	Stats       glipvk.Stats          `json:"programs"` // of all three together
	Load        time.Duration         `json:"load_ns"`
	First       time.Duration         `json:"first_ns"` // first detection, programs made in it
	Check       string                `json:"check"`
	PeakGFLOPS  float64               `json:"peak_gflops"`                 // measured in large products with the same kernels
	CopyGBs     float64               `json:"copy_gb_s"`                   // read and written in a second, by a large copy
	FirstPeak   int64                 `json:"first_peak_bytes,omitempty"`  // resident, from the start to the first detection
	SteadyPeak  int64                 `json:"steady_peak_bytes,omitempty"` // resident, of the detections after the check
	Trials      []glipvk.Trial        `json:"trials,omitempty"`            // of --tune
	Samples     []detectorSample      `json:"samples"`
	Modules     []moduleRow           `json:"modules,omitempty"` // of --per-op
	Parts       []moduleRow           `json:"parts,omitempty"`   // of the tower, all layers together
	Ops         [cases][]operation    `json:"ops"`               // of --per-op
	Interrupted bool                  `json:"interrupted,omitempty"`
}

func newDetectorReport(b *detectorBench) *detectorReport {
	d := b.detector
	vulkan := d.Device().Vulkan != nil
	return &detectorReport{
		Model: d.Info().Name, Arch: *d.Info().Detector, Weights: d.Weights(), Height: b.height, Width: b.width,
		Padded: [2]int{b.inputs[0].Height, b.inputs[0].Width}, Captions: b.captions,
		Device: d.Device(), Precision: d.Device().Precision,
		Tuned: vulkan && !b.options.Tuning.Off, Fused: vulkan && !b.options.NoFusion,
		Commit: commit(), Go: runtime.Version(), Started: time.Now().UTC().Truncate(time.Second),
	}
}

func (r *detectorReport) roofline() roofline { return roofline{r.PeakGFLOPS, r.CopyGBs} }

// executed is the number of multiply-adds that a case takes.
func (r *detectorReport) executed(which int) int64 {
	c := r.Counts
	switch which {
	case captionKnown:
		return c.Vision + c.Grounding
	case pictureKnown:
		return c.Language + c.Grounding
	}
	return c.Vision + c.Language + c.Grounding
}

// print writes the tables, then the lines for benchstat.
func (r *detectorReport) print(w io.Writer, perOp string) error {
	if len(r.Trials) > 0 {
		if err := printTrials(w, r.Trials); err != nil {
			return err
		}
	}
	if perOp == perPath && len(r.Ops[nothingKnown]) > 0 {
		if err := r.roofline().printOps(w, r.Ops[nothingKnown]); err != nil {
			return err
		}
	}
	if err := r.printModules(w); err != nil {
		return err
	}
	if err := r.printFigures(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.printBenchmarks(w)
}

// printFigures writes what is no table.
func (r *detectorReport) printFigures(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "%s, %dx%d padded to %dx%d, %d tokens, %d phrases, %s on %s\n", r.Model, r.Height, r.Width, r.Padded[0], r.Padded[1],
		r.Captions[0].Tokens, r.Captions[0].Labels, r.Precision, r.Device.Name)
	if r.Device.Fallback != "" {
		row("fallback because", "%s", r.Device.Fallback)
	}
	if why := r.Device.PrecisionReason; why != "" {
		row("precision", "%s: %s", r.Precision, why)
	}
	row("caption", "%.90q", r.Captions[0].Text)
	row("kernels", "%s", choice(r.Device, r.Fused, r.Tuned))
	row("check", "%s", r.Check)
	c := r.Counts
	giga := func(n int64) float64 { return float64(n) / 1e9 }
	row("multiply-adds", "%.2f GMAC as executed: picture %.2f, caption %.2f, grounding %.2f",
		giga(r.executed(nothingKnown)), giga(c.Vision), giga(c.Language), giga(c.Grounding))
	row("direct form", "%.2f GMAC with the cross attention as the original computes it: grounding %.2f",
		giga(c.Vision+c.Language+c.Direct), giga(c.Direct))
	row("programs", "%d dispatches, %d barriers, %.1f MB moved", r.Stats.Dispatches, r.Stats.Barriers, float64(r.Stats.BytesMoved)/1e6)
	printMemory(r.Stats, row)
	if r.FirstPeak > 0 && r.SteadyPeak > 0 {
		row("process peak", "%.1f MiB resident up to the first detection, %.1f MiB after it", mib(r.FirstPeak), mib(r.SteadyPeak))
	}
	row("loaded in", "%v", r.Load.Round(time.Millisecond))
	row("first detection", "%v, programs made in it", r.First.Round(time.Millisecond))
	row("GEMM peak", "%.1f GFLOP/s, measured with the same kernels", r.PeakGFLOPS)
	row("copy", "%.1f GB/s read and written", r.CopyGBs)
	r.printTimes(row)
	if r.Interrupted {
		row("interrupted", "the last measurement is cut short")
	}
	return tw.Flush()
}

// printTimes writes a row for each case of each measurement.
func (r *detectorReport) printTimes(row func(name, format string, args ...any)) {
	for i, s := range r.Samples {
		for which, wall := range s.Wall {
			if len(wall) == 0 {
				continue
			}
			f := r.figures(which, wall)
			row(fmt.Sprintf("%s %d", caseNames[which].text, i+1), "median %s, from %s to %s, %d runs: %.2f GFLOP/s, %.0f %% of peak",
				readable(f.median), readable(slices.Min(wall).Seconds()), readable(slices.Max(wall).Seconds()), len(wall), f.gflops, 100*f.share)
		}
	}
}

// figures are what is computed from the runs of one case.
func (r *detectorReport) figures(which int, wall []time.Duration) figures {
	f := figures{median: quantile(0.5, wall).Seconds()}
	f.gflops = 2 * float64(r.executed(which)) / 1e9 / f.median
	if r.PeakGFLOPS > 0 {
		f.share = f.gflops / r.PeakGFLOPS
	}
	return f
}

// printBenchmarks writes a line in the Go benchmark format for each case of each measurement.
func (r *detectorReport) printBenchmarks(w io.Writer) error {
	config := append(machine(r.Device, r.Commit), configuration([][2]string{
		{"weights", r.Weights}, {"kernels", choice(r.Device, r.Fused, r.Tuned)}, {"check", r.Check},
	})...)
	lines := benchfmt.NewWriter(w)
	for _, s := range r.Samples {
		for which, wall := range s.Wall {
			if len(wall) == 0 {
				continue
			}
			f := r.figures(which, wall)
			name := fmt.Sprintf("Detect/model=%s/size=%dx%d/tokens=%d/known=%s",
				r.Model, r.Height, r.Width, r.Captions[0].Tokens, caseNames[which].line)
			values := []benchfmt.Value{
				{Value: math.Round(f.median * 1e9), Unit: "ns/op"}, {Value: f.gflops, Unit: "GFLOP/s"}, {Value: 100 * f.share, Unit: "%peak"},
			}
			if err := lines.Write(&benchfmt.Result{Config: config, Name: benchfmt.Name(name), Iters: len(wall), Values: values}); err != nil {
				return err
			}
		}
	}
	return nil
}
