package difftest_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/text"
)

// usual says whether users get this program where they ask for nothing: what is slow is run on
// these alone.
func usual(e difftest.Executor) bool {
	switch e := e.(type) {
	case difftest.FastCPU:
		return e.Instructions == cpu.Available()[0] && !e.Options.NoFusion
	case difftest.Vulkan:
		return !e.Options.NoFusion
	}
	return true
}

// fullSize says whether a case is a whole detector of a published size.
func fullSize(c *difftest.DetectorCase) bool { return strings.HasPrefix(c.Group, "e2e") }

// wideModules are the modules whose cases take longest: at GLIP-T's width.
var wideModules = []string{"fpn", "vlfuse", "bertlayer", "dyconv"}

// plain says whether a program is in plain Go without any joined step, which takes seconds for a wide
// module under the race detector; the whole of the tiny detectors has the same operations.
func plain(e difftest.Executor) bool {
	fast, ok := e.(difftest.FastCPU)
	return ok && fast.Instructions == cpu.Portable && fast.Options.NoFusion
}

// TestCommittedDetectorGolden runs every committed case of the detector on every executor.
func TestCommittedDetectorGolden(t *testing.T) {
	set := difftest.CommittedDetector(t)
	testDetector(t, set, set.Cases)
}

// TestSharedDetectorGolden runs the cases that are not committed, the full-size ones on request.
func TestSharedDetectorGolden(t *testing.T) {
	committed, set := difftest.CommittedDetector(t), difftest.SharedDetector(t)
	testDetector(t, set, slices.DeleteFunc(slices.Clone(set.Cases), func(c *difftest.DetectorCase) bool {
		return slices.ContainsFunc(committed.Cases, func(d *difftest.DetectorCase) bool { return c.ID == d.ID })
	}))
}

func testDetector(t *testing.T, set *difftest.DetectorSet, cases []*difftest.DetectorCase) {
	s := newDetectorSuite(t, set)
	for _, c := range cases {
		if part := detectorParts[kindOf(c)]; part != nil {
			t.Run(c.ID, func(t *testing.T) { part(t, c) })
		}
	}
	everyExecutor(t, func(t *testing.T, e difftest.Executor) {
		for _, c := range cases {
			if detectorParts[kindOf(c)] == nil {
				t.Run(c.ID, func(t *testing.T) { s.test(t, c, e) })
			}
		}
	})
}

// kindOf is the module that a case is about, the group of those that are about none.
func kindOf(c *difftest.DetectorCase) string {
	if c.Group != "modules" {
		return c.Group
	}
	kind, _, _ := strings.Cut(c.ID, ".")
	return kind
}

// detectorSuite is what tests of a set share.
type detectorSuite struct {
	set     *difftest.DetectorSet
	tiny    *text.Tokenizer
	weights map[*difftest.DetectorCase]difftest.Weights
}

func newDetectorSuite(t *testing.T, set *difftest.DetectorSet) *detectorSuite {
	t.Helper()
	tiny, err := text.Open(filepath.Join(set.Dir, "tiny", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return &detectorSuite{set, tiny, map[*difftest.DetectorCase]difftest.Weights{}}
}

func (s *detectorSuite) tokenizer(c *difftest.DetectorCase) *text.Tokenizer {
	if strings.HasPrefix(c.Group, "tiny") {
		return s.tiny
	}
	return text.BERT()
}

// weightsOf are a case's weights, made once: those of the modules take longer to make than to use.
func (s *detectorSuite) weightsOf(t *testing.T, c *difftest.DetectorCase) difftest.Weights {
	t.Helper()
	if w := s.weights[c]; w != nil {
		return w
	}
	w, err := c.Weights()
	if err != nil {
		t.Fatal(err)
	}
	const most = 1 << 22 // elements: word tables and whole detectors are made again
	var made sync.Map    // of names to tensors: executors ask from several goroutines
	s.weights[c] = difftest.WeightsFunc(func(name string, shape []int) ([]float32, error) {
		if data, ok := made.Load(name); ok {
			return data.([]float32), nil
		}
		data, err := w.Tensor(name, shape)
		if err == nil && len(data) <= most && c.Group != "e2e" && c.Group != "e2e_large" {
			made.Store(name, data)
		}
		return data, err
	})
	return s.weights[c]
}

// test runs a case on an executor: as recorded and, where there is cross attention, absorbed.
func (s *detectorSuite) test(t *testing.T, c *difftest.DetectorCase, e difftest.Executor) {
	switch kind := kindOf(c); {
	case kind == "convert" || kind == "convert2":
		testScores(t, s.set, c, e)
	case kind == "post":
		testPost(t, c, e)
	case (c.ID == "base" && !usual(e) || plain(e) && slices.Contains(wideModules, kind)) && !full():
		t.Skipf("large for this executor: set %s=full to run it", goldenSetting)
	case c.Group == "modules" || c.Group == "bert":
		s.testModule(t, c, e)
		if kind == "vlfuse" {
			s.testModule(t, c, difftest.Absorbed{Executor: e})
		}
	default:
		if fullSize(c) {
			skipFullSize(t, c.ID, usual(e))
			if !usual(e) {
				t.Skip("full-size case: the oracle and the programs that users get run it, the others take half an hour for it")
			}
		}
		s.testWhole(t, c, e)
		if cfg, err := c.Config(); err != nil || cfg.Fusion {
			s.testWhole(t, c, difftest.Absorbed{Executor: e})
		}
	}
}

func (s *detectorSuite) testModule(t *testing.T, c *difftest.DetectorCase, e difftest.Executor) {
	t.Helper()
	runs, err := c.PlanModule()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		reports, _, err := c.JudgeDetector(t.Context(), e, r, s.weightsOf(t, c))
		if err != nil {
			t.Fatal(err)
		}
		judge(t, e, reports)
	}
}

// judge wants all values within bounds, and logs the worst.
func judge(t *testing.T, e difftest.Executor, reports []difftest.TapReport) {
	t.Helper()
	if len(reports) == 0 {
		t.Fatal("nothing was compared")
	}
	if bad, found := difftest.FirstDivergence(reports); found {
		t.Errorf("%s: first divergence: %s", e.Name(), bad)
	}
	worst := reports[0]
	share := func(r difftest.TapReport) float64 { return r.RelativeL2 / max(r.Allowed.RelativeL2, 1e-30) }
	for _, r := range reports {
		if share(r) > share(worst) {
			worst = r
		}
	}
	t.Logf("%s: %d taps; worst has %.2f times PyTorch float32's distance: %s", e.Name(), len(reports), share(worst)*difftest.Factor, worst)
}

// testWhole compares every tap of a whole detector and what it detects.
func (s *detectorSuite) testWhole(t *testing.T, c *difftest.DetectorCase, e difftest.Executor) {
	t.Helper()
	in, r := s.plan(t, c)
	reports, outputs, err := c.JudgeDetector(t.Context(), e, r, s.weightsOf(t, c))
	if err != nil {
		t.Fatal(err)
	}
	judge(t, e, reports)
	detections, predictions, err := c.Found(in, outputs, glip.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	testList(t, c, "detections", detections)
	testList(t, c, "predictions", predictions)
}

// plan is the input and the recording of a whole detector.
func (s *detectorSuite) plan(t *testing.T, c *difftest.DetectorCase) (difftest.DetectorInput, difftest.DetectorRun) {
	t.Helper()
	in, err := c.WholeInput(s.tokenizer(c))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.PlanWhole(in)
	if err != nil {
		t.Fatal(err)
	}
	return in, r
}

// testList wants a list of detections to be the stored one as a set.
func testList(t *testing.T, c *difftest.DetectorCase, name string, got []glip.Detection) {
	t.Helper()
	d := distanceOf(t, c, name, got)
	if !d.OK() {
		t.Errorf("%s of %d detections: %s", name, len(got), d)
	}
	t.Logf("%s: %d, boxes within %.3g pixels, scores within %.3g", name, len(got), d.Box, d.Score)
}

func distanceOf(t *testing.T, c *difftest.DetectorCase, name string, got []glip.Detection) difftest.ListDistance {
	t.Helper()
	want, err := c.Detections(name)
	if err != nil {
		t.Fatal(err)
	}
	return difftest.CompareLists(got, want)
}

// testPost selects, decodes and suppresses stored predictions.
func testPost(t *testing.T, c *difftest.DetectorCase, e difftest.Executor) {
	t.Helper()
	testList(t, c, "detections_cuda", selected(t, c, e, glip.Grounding{}, glip.Limits{}))
}

// selected are the detections of a case of post-processing.
func selected(t *testing.T, c *difftest.DetectorCase, e difftest.Executor, in glip.Grounding, l glip.Limits) []glip.Detection {
	t.Helper()
	r, err := c.PlanSelection(in)
	if err != nil {
		t.Fatal(err)
	}
	return boxesOf(t, c, runOutputs(t, e, r), c.Frame(), l)
}

// runOutputs are the outputs of a graph without weights.
func runOutputs(t *testing.T, e difftest.Executor, r difftest.DetectorRun) [][]float32 {
	t.Helper()
	none := difftest.WeightsFunc(func(string, []int) ([]float32, error) { return nil, nil })
	outputs, err := e.Run(t.Context(), r.Graph, none, r.Inputs, r.Graph.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

func boxesOf(t *testing.T, c *difftest.DetectorCase, rows [][]float32, f glip.Frame, l glip.Limits) []glip.Detection {
	t.Helper()
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	list, err := glip.Detections(cfg, rows, f, l)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
