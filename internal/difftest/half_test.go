package difftest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// halfBound is the relative L2 distance that an output map may have in precision f16.
const halfBound = 2e-3

// tenBits bounds an output map that halfBound is too narrow for, whatever the program: f16 keeps
// ten bits after the leading one, and so does TF32. Where exact arithmetic on factors
// rounded so is itself further off, ours may be this many times as far. (variants.json has what
// PyTorch makes of it: 1.3e-2 on nano-128, whose weights alone, rounded to f16, give 1.2e-2.)
const tenBits = 1.25

// yardstick is how far each output map moves when the factors of all products are rounded to
// ten bits. It is asked only where halfBound does not hold, as it runs on the oracle.
type yardstick map[*difftest.Case][]difftest.TapReport

func (y yardstick) of(t *testing.T, c *difftest.Case, i int) float64 {
	if y[c] == nil {
		reports, err := mistake{id: "tf32", spoil: linearTF32}.run(t, nil, c, outputsOf(c)...)
		if err != nil {
			t.Fatal(err)
		}
		y[c] = reports
	}
	return y[c][i].RelativeL2
}

// outputsOf are the names of a case's output maps.
func outputsOf(c *difftest.Case) []string {
	var names []string
	for _, tap := range c.Taps {
		if strings.HasPrefix(tap.Name, "out.") {
			names = append(names, tap.Name)
		}
	}
	return names
}

// withinHalf is the verdict of f16 on a map.
func withinHalf(r difftest.TapReport, bound float64) bool {
	return r.Missing == 0 && r.Elements > 0 && r.NonFinite == 0 && r.RelativeL2 <= bound
}

// testHalf judges the output maps of a case in precision f16, and logs the worst.
func testHalf(t *testing.T, c *difftest.Case, e difftest.Executor, y yardstick) {
	reports, err := c.Judge(t.Context(), e, outputsOf(c)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) == 0 {
		t.Fatal("no map was compared")
	}
	worst := 0.0
	for i, r := range reports {
		worst = max(worst, r.RelativeL2)
		if withinHalf(r, halfBound) {
			continue
		}
		floor := y.of(t, c, i)
		if !(floor > halfBound/tenBits) || !withinHalf(r, tenBits*floor) {
			t.Errorf("%s: relative L2 %.3g, want at most %g; on factors of ten bits exact arithmetic has %.3g (%s)", r.Name, r.RelativeL2, halfBound, floor, r)
			continue
		}
		t.Logf("%s: relative L2 %.3g is over %g, and within %g times %.3g, which is what factors of ten bits cost here", r.Name, r.RelativeL2, halfBound, tenBits, floor)
	}
	t.Logf("worst relative L2 of %d maps: %.3g", len(reports), worst)
}

// halfExecutors are the program that users get in precision f16, and the same without any rewrite.
func halfExecutors(d *engine.Device) []difftest.Vulkan {
	half := vulkan.UploadOptions{Precision: kernels.F16}
	return []difftest.Vulkan{
		{Device: d, Title: "vulkan-f16", Upload: half},
		{Device: d, Title: "vulkan-f16-unfused", Upload: half, Options: vulkan.Options{NoFusion: true}},
	}
}

// TestVulkanGolden are the tests of goldens beyond the program that users get by default. They
// share a device: software drivers compile each pipeline for long.
func TestVulkanGolden(t *testing.T) {
	d := difftest.OpenDevice(t, engine.Options{})
	t.Run("f16", func(t *testing.T) { testHalfGolden(t, d) })
	t.Run("variants", func(t *testing.T) { testVariants(t, d) })
	t.Run("mistakes", func(t *testing.T) { testVulkanRejects(t, d) })
}

// testHalfGolden runs every golden case in precision f16, the full-size ones on request.
func testHalfGolden(t *testing.T, d *engine.Device) {
	if got, why, err := kernels.Settle(d.Info(), kernels.F16); err != nil || got != kernels.F16 {
		t.Fatalf("no f16 on this device: %s (%v)", why, err)
	}
	y := yardstick{}
	for _, e := range halfExecutors(d) {
		t.Run("committed/"+e.Title, func(t *testing.T) { testHalfCases(t, difftest.Committed(t), e, y) })
		t.Run("shared/"+e.Title, func(t *testing.T) { testHalfCases(t, difftest.Shared(t), e, y) })
	}
}

func testHalfCases(t *testing.T, set *difftest.Set, e difftest.Executor, y yardstick) {
	for _, c := range set.Cases {
		if c.Expect != nil { // refused at recording, which knows no precision
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			if strings.HasPrefix(c.ID, "glip-") {
				skipFullSize(t, c.ID, usual(e))
			}
			testHalf(t, c, e, y)
		})
	}
}

// variantCases are the committed cases for the variants that a device does not get by itself, whose
// pipelines a software driver may compile for long: padding, shift and every tap; windows of 7.
var variantCases = []string{"micro-w4-61x45", "micro-w7-61x45"}

// testVariants runs committed cases in the variants that run on every device, in both
// precisions, and on cooperative matrices where there are any, in f16; "uniform" is what the drivers get
// that do not take minutes for it. f32 is held to the bounds that it has on the oracle, tap by tap.
func testVariants(t *testing.T, d *engine.Device) {
	set, y := difftest.Committed(t), yardstick{}
	for _, variant := range []string{"tiled", "direct", "coop"} {
		for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
			if variant == "coop" && precision == kernels.F32 {
				continue // that of tiled
			}
			e := difftest.Vulkan{Device: d, Title: variant + "-" + string(precision), Upload: vulkan.UploadOptions{Variant: variant, Precision: precision}}
			t.Run(e.Title, func(t *testing.T) {
				if got, why, err := kernels.Settle(d.Info(), precision); err != nil || got != precision {
					t.Fatalf("no %s on this device: %s (%v)", precision, why, err)
				}
				if _, err := kernels.LayoutOf(d.Info(), precision, variant); variant == "coop" && errors.Is(err, engine.ErrUnsupported) {
					t.Skip(err) // package kernels' tests make sure that a device that can does
				}
				for _, id := range variantCases {
					c := set.Case(t, id)
					t.Run(id, func(t *testing.T) {
						if precision == kernels.F16 {
							testHalf(t, c, e, y)
						} else {
							testCase(t, c, e)
						}
					})
				}
			})
		}
	}
}

// tooFine are the variants of variants.json that f16 cannot tell from itself on micro-w4-61x45:
// they move no output map by twice halfBound.
var tooFine = []string{"float32", "gelu-tanh", "eps-1e-6", "eps-1e-4", "eps-1e-3", "eps-0", "eps-outside-root",
	"weights-float16", "tf32", mayPass}

// TestHalfBoundTellsMistakes says which mistakes f16's bound is still too narrow for: by their
// recorded distances, all but those named in tooFine.
func TestHalfBoundTellsMistakes(t *testing.T) {
	all, err := difftest.Committed(t).Variants()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, v := range all["micro-w4-61x45"] {
		if v.Refused != "" {
			continue
		}
		furthest := 0.0
		for name, d := range v.Outputs {
			if strings.HasPrefix(name, "out.") {
				furthest = max(furthest, d.RelL2)
			}
		}
		// Its own error takes a mistake back by at most halfBound.
		if telling := furthest > 2*halfBound; telling == slices.Contains(tooFine, v.ID) {
			t.Errorf("%s moves a map by up to %.3g, against a bound of %g", v.ID, furthest, halfBound)
		} else if telling {
			told++
		}
	}
	if told < 25 {
		t.Errorf("the bound tells only %d mistakes", told)
	}
}

// testVulkanRejects makes the mistakes that are made in the model, its weights or its
// input on the device: in f32 the comparison rejects them as it does on the oracle, in f16 those
// that are not too fine.
func testVulkanRejects(t *testing.T, d *engine.Device) {
	set := difftest.Committed(t)
	recorded, err := set.Variants()
	if err != nil {
		t.Fatal(err)
	}
	single, half := difftest.Vulkan{Device: d, Title: "vulkan"}, halfExecutors(d)[0]
	rejects := 0
	for _, m := range mistakes() {
		if m.spoil != nil {
			continue
		}
		t.Run(m.id, func(t *testing.T) {
			if rejected := m.judge(t, single, set.Case(t, "nano-128"), recorded["nano-128"]) ||
				m.judge(t, single, set.Case(t, "micro-w4-61x45"), recorded["micro-w4-61x45"]); rejected == (m.id == mayPass) {
				t.Errorf("f32: rejected: %v", rejected)
			}
			if m.config != nil || slices.Contains(tooFine, m.id) {
				return
			}
			c := set.Case(t, "micro-w4-61x45")
			reports, err := m.run(t, half, c, outputsOf(c)...)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(reports, func(r difftest.TapReport) bool { return !withinHalf(r, halfBound) }) {
				rejects++
			} else {
				t.Errorf("f16 accepts it: %v", reports)
			}
		})
	}
	if rejects < 10 {
		t.Errorf("f16 rejected %d mistakes", rejects)
	}
}
