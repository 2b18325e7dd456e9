package difftest_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/text"
)

// noGraph are the cases of group modules that are no graph: tests of packages picture,
// glip and cpuref have them.
var noGraph = []string{"preprocess", "anchors", "decode", "convert", "convert2", "post", "nms"}

// detectorExecutors are the oracle, the programs that users get, and the same without any
// rewrite.
func detectorExecutors(t *testing.T, f func(*testing.T, difftest.Executor)) {
	t.Run("cpuref", func(t *testing.T) { f(t, difftest.CPU{}) })
	for _, v := range []difftest.Vulkan{
		{Title: "vulkan"},
		{Title: "vulkan-unfused", Options: kernels.Options{NoFusion: true}},
	} {
		t.Run(v.Title, func(t *testing.T) {
			v.Device = difftest.OpenDevice(t, engine.Options{})
			f(t, v)
		})
	}
}

// TestDetectorModules runs every module of the detector.
func TestDetectorModules(t *testing.T) {
	set := difftest.SharedDetector(t)
	detectorExecutors(t, func(t *testing.T, e difftest.Executor) {
		for _, group := range []string{"modules", "bert"} {
			for _, c := range set.Group(t, group) {
				if kind, _, _ := strings.Cut(c.ID, "."); slices.Contains(noGraph, kind) {
					continue
				}
				t.Run(c.ID, func(t *testing.T) { testModule(t, c, e) })
			}
		}
	})
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

// TestDetectorWhole runs the whole detector, the full-size cases on request.
func TestDetectorWhole(t *testing.T) {
	set := difftest.SharedDetector(t)
	tiny, err := text.Open(filepath.Join(set.Dir, "tiny", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	tokenizers := map[string]*text.Tokenizer{"tiny": tiny, "tiny_a": tiny, "e2e": text.BERT(), "e2e_large": text.BERT()}
	detectorExecutors(t, func(t *testing.T, e difftest.Executor) {
		for _, c := range set.Cases {
			if tok := tokenizers[c.Group]; tok != nil {
				t.Run(c.ID, func(t *testing.T) { testWhole(t, c, e, tok) })
			}
		}
	})
}

func testWhole(t *testing.T, c *difftest.DetectorCase, e difftest.Executor, tok *text.Tokenizer) {
	if strings.HasPrefix(c.Group, "e2e") && !full() {
		t.Skipf("full-size case: set %s=full to run it", fullGolden)
	}
	in, err := c.WholeInput(func(caption string) ([]int32, error) {
		encoding, err := tok.Encode(caption)
		return encoding.IDs(), err
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
	judge(t, c, e, r, w)
}
