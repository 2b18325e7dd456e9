package difftest_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/synthetic"
)

// Bounds of precision f16 in the detector.
const (
	// halfModule is the relative L2 distance that any value of one module may have. Exact arithmetic
	// on weights rounded to 16 bits has up to 1.02e-3 (context of the last layer of small1), ours up to 5.3e-4.
	halfModule = 1e-3

	// halfWhole is how many times further off than exact arithmetic on rounded weights a value of a
	// whole detector may be, all levels together. The values grow apart along the tower, whose offsets
	// decide what is looked at: rounded weights alone cost up to 0.1 on the last, smallest maps. Seen: 1.24.
	halfWhole = 1.5

	// Lists of detections: the share that may have no partner (or one detection where that is less), and
	// how far those that have one may be off; boxes as far as with rounded weights alone, if that is more.
	// Those cost 15 % (9 of 58), 0.76 pixels (l.caption; ours 0.67) and 0.027 (tiny.caption; ours 0.017),
	// as many probabilities are near the threshold.
	halfLost, halfBox, halfScore = 0.15, 0.5, 0.05
)

// TestDetectorHalfGolden runs the cases of the detector in precision f16, the full-size ones on request.
func TestDetectorHalfGolden(t *testing.T) {
	d := difftest.OpenDevice(t, engine.Options{})
	if got, why, err := kernels.Settle(d.Info(), kernels.F16); err != nil || got != kernels.F16 {
		t.Fatalf("no f16 on this device: %s (%v)", why, err)
	}
	t.Run("committed", func(t *testing.T) {
		set := difftest.CommittedDetector(t)
		testDetectorHalf(t, newDetectorSuite(t, set), set.Cases, d)
	})
	t.Run("shared", func(t *testing.T) {
		set := difftest.SharedDetector(t)
		testDetectorHalf(t, newDetectorSuite(t, set), slices.DeleteFunc(slices.Clone(set.Cases), func(c *difftest.DetectorCase) bool {
			return !fullSize(c)
		}), d)
	})
}

func testDetectorHalf(t *testing.T, s *detectorSuite, cases []*difftest.DetectorCase, d *engine.Device) {
	for _, c := range cases {
		kind := kindOf(c)
		if detectorParts[kind] != nil { // no graph
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			if fullSize(c) {
				skipFullSize(t, c.ID, c.Group == "e2e") // that of the large model takes a minute
			}
			switch {
			case slices.Contains([]string{"convert", "convert2", "post"}, kind): // nothing of it is in 16 bits
				for _, e := range halfForms(t, c, d) {
					s.test(t, c, e)
				}
			case c.Group == "modules" || c.Group == "bert":
				s.testHalfModule(t, c, d)
			default:
				s.testHalfWhole(t, c, d)
			}
		})
	}
}

// halfForms are the programs of precision f16, also of the absorbed graph where there is one.
func halfForms(t *testing.T, c *difftest.DetectorCase, d *engine.Device) []difftest.Executor {
	t.Helper()
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	fuses := kindOf(c) == "vlfuse" || c.Group != "modules" && c.Group != "bert" && cfg.Fusion
	var list []difftest.Executor
	for _, e := range halfExecutors(d) {
		if list = append(list, e); fuses {
			list = append(list, difftest.Absorbed{Executor: e})
		}
	}
	return list
}

func (s *detectorSuite) testHalfModule(t *testing.T, c *difftest.DetectorCase, d *engine.Device) {
	t.Helper()
	runs, err := c.PlanModule()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range halfForms(t, c, d) {
		worst := difftest.TapReport{}
		for _, r := range runs {
			reports, _, err := c.JudgeDetector(t.Context(), e, r, s.weightsOf(t, c))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reports {
				if !withinHalf(r, halfModule) {
					t.Errorf("%s: %s: want at most %g", e.Name(), r, halfModule)
				}
				if r.RelativeL2 > worst.RelativeL2 {
					worst = r
				}
			}
		}
		t.Logf("%s: worst relative L2 %.3g, %s", e.Name(), worst.RelativeL2, worst.Name)
	}
}

// testHalfWhole compares with what float32 arithmetic makes of rounded weights.
func (s *detectorSuite) testHalfWhole(t *testing.T, c *difftest.DetectorCase, d *engine.Device) {
	t.Helper()
	in, r := s.plan(t, c)
	w := s.weightsOf(t, c)
	rounded := difftest.WeightsFunc(func(name string, shape []int) ([]float32, error) {
		data, err := w.Tensor(name, shape)
		data = slices.Clone(data)
		synthetic.RoundFloat16(data)
		return data, err
	})
	reports, outputs, err := c.JudgeDetector(t.Context(), difftest.FastCPU{Title: "cpu", Instructions: cpu.Available()[0]}, r, rounded)
	if err != nil {
		t.Fatal(err)
	}
	floor := acrossLevels(t, c, r, reports)
	box := halfBox
	for _, d := range s.logFound(t, c, in, outputs, "rounded weights") {
		box = max(box, d.Box)
	}
	for _, e := range halfForms(t, c, d) {
		reports, outputs, err := c.JudgeDetector(t.Context(), e, r, w)
		if err != nil {
			t.Fatal(err)
		}
		worst := ""
		ratio := 0.0
		for name, got := range acrossLevels(t, c, r, reports) {
			bound := max(halfWhole*floor[name], halfModule)
			if !(got <= bound) {
				t.Errorf("%s: %s: relative L2 %.3g, want at most %.3g", e.Name(), name, got, bound)
			}
			if by := got / bound; by > ratio {
				worst, ratio = name, by
			}
		}
		t.Logf("%s: worst is %s at %.2f of its bound, %.3g", e.Name(), worst, ratio, max(halfWhole*floor[worst], halfModule))
		for _, d := range s.logFound(t, c, in, outputs, e.Name()) {
			lost := max(int(halfLost*float64(d.of)), 1)
			if d.First > lost || d.Second > lost || !(d.Box <= box) || !(d.Score <= halfScore) {
				t.Errorf("%s: %s", e.Name(), d)
			}
		}
	}
}

// acrossLevels are the relative L2 distances of values, those of all levels of a kind as one: on
// the last levels, a pixel or two, chance decides.
func acrossLevels(t *testing.T, c *difftest.DetectorCase, r difftest.DetectorRun, reports []difftest.TapReport) map[string]float64 {
	t.Helper()
	differences, norms := map[string]float64{}, map[string]float64{}
	for i, report := range reports {
		if report.Missing != 0 || report.Elements == 0 || report.NonFinite != 0 {
			t.Fatal(report)
		}
		name := r.Taps[i].Tensor
		norm := tensorOf(t, c, name).Stats.L2
		if at := strings.LastIndex(name, ".p"); at >= 0 {
			name = name[:at]
		}
		differences[name] += math.Pow(report.RelativeL2*norm, 2)
		norms[name] += math.Pow(norm, 2)
	}
	for name, d := range differences {
		differences[name] = math.Sqrt(d / norms[name])
	}
	return differences
}

// listReport is the distance of a list from the stored one of so many.
type listReport struct {
	difftest.ListDistance
	of int
}

// logFound compares what was detected, and logs it.
func (s *detectorSuite) logFound(t *testing.T, c *difftest.DetectorCase, in difftest.DetectorInput, outputs [][]float32, by string) []listReport {
	t.Helper()
	detections, predictions, err := c.Found(in, outputs, glip.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var reports []listReport
	for name, list := range map[string][]glip.Detection{"detections": detections, "predictions": predictions} {
		want := tensorOf(t, c, name).Whole[0]
		reports = append(reports, listReport{distanceOf(t, c, name, list), want})
		t.Logf("%s: %d %s of %d: %s", by, len(list), name, want, reports[len(reports)-1])
	}
	return reports
}

// tooFineForHalf are the variants that precision f16 cannot tell from itself.
var tooFineForHalf = []string{"bertlayer: tanh GELU", "bertlayer: LayerNorm eps 1e-5"}

// TestDetectorHalfBoundTellsMistakes says which mistakes in modules f16's bound is too narrow for, by
// their recorded distances: all but those named in tooFineForHalf.
func TestDetectorHalfBoundTellsMistakes(t *testing.T) {
	set := difftest.CommittedDetector(t)
	told := 0
	for _, v := range set.Variants {
		if kind := kindOf(set.Case(t, v.Case)); detectorParts[kind] != nil || v.Distance == nil {
			continue // neither depends on the precision
		}
		furthest := 0.0
		for _, d := range v.Distance {
			furthest = max(furthest, d.RelRMS)
		}
		// Its own error takes a mistake back by at most halfModule.
		if telling := furthest > 2*halfModule; telling == slices.Contains(tooFineForHalf, v.Name) {
			t.Errorf("%s moves a value by up to %.3g, against a bound of %g", v.Name, furthest, halfModule)
		} else if telling {
			told++
		}
	}
	if told < 45 {
		t.Errorf("the bound tells only %d mistakes", told)
	}
}
