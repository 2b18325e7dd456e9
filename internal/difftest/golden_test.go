package difftest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/vulkan"
)

// TestCommittedGolden runs every committed case on every executor.
func TestCommittedGolden(t *testing.T) { testGolden(t, difftest.Committed(t)) }

// TestSharedGolden runs the whole golden set, the full-size cases on request.
func TestSharedGolden(t *testing.T) { testGolden(t, difftest.Shared(t)) }

func testGolden(t *testing.T, set *difftest.Set) {
	everyExecutor(t, func(t *testing.T, e difftest.Executor) { testCases(t, set, e) })
}

// everyExecutor runs f with the oracle, the programs that users get, and the same without any
// rewrite; of package cpu, each set of instructions that is here.
func everyExecutor(t *testing.T, f func(*testing.T, difftest.Executor)) {
	run := func(t *testing.T, e difftest.Executor) { t.Run(e.Name(), func(t *testing.T) { f(t, e) }) }
	run(t, difftest.CPU{})
	for _, name := range cpu.Available() {
		run(t, difftest.FastCPU{Title: "cpu-" + string(name), Instructions: name})
		run(t, difftest.FastCPU{Title: "cpu-" + string(name) + "-unfused", Instructions: name, Options: cpu.Options{NoFusion: true}})
	}
	t.Run("vulkan", func(t *testing.T) {
		d := difftest.OpenDevice(t, engine.Options{}) // one, as software drivers compile each pipeline for long
		run(t, difftest.Vulkan{Device: d, Title: "fused"})
		run(t, difftest.Vulkan{Device: d, Title: "unfused", Options: vulkan.Options{NoFusion: true}})
	})
}

func testCases(t *testing.T, set *difftest.Set, e difftest.Executor) {
	for _, c := range set.Cases {
		t.Run(c.ID, func(t *testing.T) {
			if c.Expect != nil {
				testRefused(t, c)
				return
			}
			if strings.HasPrefix(c.ID, "glip-") {
				skipFullSize(t, c.ID, usual(e))
			}
			testCase(t, c, e)
		})
	}
}

func testCase(t *testing.T, c *difftest.Case, e difftest.Executor) {
	reports, err := c.Judge(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != len(c.Taps) || len(reports) == 0 {
		t.Fatalf("%d of %d taps compared", len(reports), len(c.Taps))
	}
	if bad, found := difftest.FirstDivergence(reports); found {
		t.Errorf("first divergence: %s", bad)
	}
	worst := reports[0]
	share := func(r difftest.TapReport) float64 { return r.RelativeL2 / max(r.Allowed.RelativeL2, 1e-30) }
	for _, r := range reports {
		if share(r) > share(worst) {
			worst = r
		}
	}
	t.Logf("%d taps; worst has %.2f times PyTorch float32's distance: %s", len(reports), share(worst)*difftest.Factor, worst)
}

// testRefused wants the recording to refuse the case, for the reason that the
// original gave.
func testRefused(t *testing.T, c *difftest.Case) {
	if c.Expect.Kind != "pad_small_map" {
		t.Fatalf("the case expects an error of kind %q, which this test does not know", c.Expect.Kind)
	}
	if _, err := c.MakeInput(); err != nil {
		t.Error(err)
	}
	if _, err := c.Record(); !errors.Is(err, swin.ErrSmallMap) {
		t.Errorf("recording gives %v, want %v", err, swin.ErrSmallMap)
	}
}

// TestBoundsAreAttainable checks that no bound asks for more than float32 can
// give: the stored value and ours are each rounded by up to half a unit in the
// last place, 2^-24 of the element.
func TestBoundsAreAttainable(t *testing.T) {
	for _, c := range difftest.Committed(t).Cases {
		for _, tap := range c.Taps {
			tol := tap.Tolerance()
			if tap.F32.RelL2 == 0 {
				if !exactByNature(tap.Name) {
					t.Errorf("%s: %s must be exact, but is no copy, table or mask", c.ID, tap.Name)
				}
				continue
			}
			if least := 0x1p-23; tol.RelativeL2 < least || tol.Absolute < least*tap.Stats.AbsMax {
				t.Errorf("%s: %s: bounds %g and %g are below float32's rounding", c.ID, tap.Name, tol.RelativeL2, tol.Absolute)
			}
		}
	}
}

func exactByNature(name string) bool {
	return name == "input" || strings.HasSuffix(name, ".position_bias") || strings.HasSuffix(name, ".mask")
}
