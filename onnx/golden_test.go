package onnx_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/text"
)

// executor computes graphs in ONNX Runtime, so that the tests of all executors judge what is written.
type executor struct {
	t       *testing.T
	runtime ort.Runtime
	gather  bool
}

// Name implements difftest.Executor.
func (e executor) Name() string { return "onnxruntime" }

// Run implements difftest.Executor.
func (e executor) Run(ctx context.Context, g *graph.Graph, w difftest.Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	job, values, err := prepare(e.t, g, w, inputs, taps, e.gather)
	if err != nil {
		return nil, err
	}
	results, err := e.runtime.Run(ctx, job)
	if err != nil {
		return nil, err
	}
	return values(results[0])
}

// TestBackboneGolden runs the smallest committed backbones in ONNX Runtime, within the tolerances that hold for our executors.
func TestBackboneGolden(t *testing.T) {
	r := needRuntime(t)
	for _, c := range difftest.Committed(t).Cases {
		if strings.HasSuffix(c.ID, "-reject") { // which no graph is recorded of
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			reports, err := c.Judge(t.Context(), executor{t, r, false})
			if err != nil {
				t.Fatal(err)
			}
			judge(t, reports)
		})
	}
}

// TestDetectorGolden runs the tiny detectors whole as recorded, and one absorbed and by gathers, and compares their taps and what they detect.
func TestDetectorGolden(t *testing.T) {
	r := needRuntime(t)
	set := difftest.CommittedDetector(t)
	tok, err := text.Open(filepath.Join(set.Dir, "tiny", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range set.Cases {
		if !strings.HasPrefix(c.Group, "tiny") {
			continue
		}
		ways := map[string]difftest.Executor{"recorded": executor{t, r, false}}
		if c.ID == "tiny.caption" {
			ways["absorbed with gathers"] = difftest.Absorbed{Executor: executor{t, r, true}}
		}
		for name, e := range ways {
			t.Run(c.ID+" "+name, func(t *testing.T) { wholeDetector(t, c, tok, e) })
		}
	}
}

func wholeDetector(t *testing.T, c *difftest.DetectorCase, tok *text.Tokenizer, e difftest.Executor) {
	t.Helper()
	in, err := c.WholeInput(tok)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.PlanWhole(in)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Weights()
	if err != nil {
		t.Fatal(err)
	}
	reports, outputs, err := c.JudgeDetector(t.Context(), e, plan, w)
	if err != nil {
		t.Fatal(err)
	}
	judge(t, reports)
	found, _, err := c.Found(in, outputs, glip.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Detections("detections")
	if err != nil {
		t.Fatal(err)
	}
	if d := difftest.CompareLists(found, want); !d.OK() {
		t.Errorf("detections: %s", d)
	}
}

// judge wants all values within bounds, and logs the worst.
func judge(t *testing.T, reports []difftest.TapReport) {
	t.Helper()
	if len(reports) == 0 {
		t.Fatal("nothing was compared")
	}
	if bad, found := difftest.FirstDivergence(reports); found {
		t.Errorf("first divergence: %s", bad)
	}
	share := func(r difftest.TapReport) float64 { return r.RelativeL2 / max(r.Allowed.RelativeL2, 1e-30) }
	worst := slices.MaxFunc(reports, func(a, b difftest.TapReport) int {
		if share(a) < share(b) {
			return -1
		}
		return 1
	})
	t.Logf("%d taps; worst has %.2f times PyTorch float32's distance: %s", len(reports), share(worst)*difftest.Factor, worst)
}
