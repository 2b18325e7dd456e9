package difftest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/text"
)

// noGraph are the cases of group modules that are no graph: tests of packages picture,
// glip and cpuref have them.
var noGraph = []string{"preprocess", "anchors", "decode", "convert", "convert2", "post", "nms"}

// TestDetectorModules runs every module of the detector on the oracle.
func TestDetectorModules(t *testing.T) {
	set := difftest.SharedDetector(t)
	for _, group := range []string{"modules", "bert"} {
		for _, c := range set.Group(t, group) {
			if kind, _, _ := strings.Cut(c.ID, "."); slices.Contains(noGraph, kind) {
				continue
			}
			t.Run(c.ID, func(t *testing.T) { testModule(t, c, difftest.CPU{}) })
		}
	}
}

func testModule(t *testing.T, c *difftest.DetectorCase, e difftest.Executor) {
	w, err := c.Weights()
	if err != nil {
		t.Fatal(err)
	}
	runs, err := c.PlanModule()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		judge(t, c, e, r, w)
	}
}

func judge(t *testing.T, c *difftest.DetectorCase, e difftest.Executor, r difftest.DetectorRun, w difftest.Weights) {
	t.Helper()
	reports, err := c.JudgeDetector(t.Context(), e, r, w)
	if err != nil {
		t.Fatal(err)
	}
	if bad, found := difftest.FirstDivergence(reports); found {
		t.Errorf("first divergence: %s", bad)
	}
	worst := reports[0]
	share := func(r difftest.TapReport) float64 { return r.RelL2 / max(r.Tolerance.RelL2, 1e-30) }
	for _, r := range reports {
		if share(r) > share(worst) {
			worst = r
		}
	}
	t.Logf("%d taps; worst has %.2f times PyTorch float32's distance: %s", len(reports), share(worst)*difftest.Factor, worst)
}

// TestDetectorWhole runs the whole detector on the oracle.
func TestDetectorWhole(t *testing.T) {
	set := difftest.SharedDetector(t)
	tiny, err := text.Open(set.Dir + "/tiny/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	for group, tok := range map[string]*text.Tokenizer{"tiny": tiny, "tiny_a": tiny, "e2e": text.BERT(), "e2e_large": text.BERT()} {
		for _, c := range set.Group(t, group) {
			t.Run(c.ID, func(t *testing.T) {
				in, err := c.WholeInput(func(caption string) ([]int32, error) {
					e, err := tok.Encode(caption)
					return e.IDs(), err
				})
				if err != nil {
					t.Fatal(err)
				}
				w, err := c.Weights()
				if err != nil {
					t.Fatal(err)
				}
				r, err := c.PlanWhole(in)
				if err != nil {
					t.Fatal(err)
				}
				judge(t, c, difftest.CPU{}, r, w)
			})
		}
	}
}
