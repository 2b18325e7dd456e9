package difftest_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
)

// everything keeps all candidates of the last step: nothing is suppressed or cut off.
var everything = glip.Limits{IoU: 2, Count: -1}

// postMistakes are mistakes behind the head's predictions, made on the case of post-processing whose
// boxes reach beyond the picture.
var postMistakes = []struct {
	variant string
	in      glip.Grounding
	limits  glip.Limits
	input   func(r difftest.DetectorRun)                 // changes what is fed
	change  func(list []glip.Detection) []glip.Detection // changes what was detected
}{
	{variant: "post: no square root", change: eachDetection(func(d *glip.Detection) { d.Score *= d.Score })},
	{variant: "post: centre-ness ignored", input: func(r difftest.DetectorRun) {
		for l := range glip.Levels { // of each level logits, centerness, deltas
			r.Inputs[3*l+1] = slices.Repeat([]float32{100}, len(r.Inputs[3*l+1]))
		}
	}},
	{variant: "post: largest token instead of the mean", in: glip.Grounding{Aggregate: graph.Max}},
	{variant: "post: labels from 0", change: eachDetection(func(d *glip.Detection) { d.Label-- })},
	{variant: "post: suppression IoU without +1", limits: everything, change: suppressedBy(plainIoU, true)},
	{variant: "post: suppression across labels", limits: everything, change: suppressedBy(glip.IoU, false)},
}

func eachDetection(change func(*glip.Detection)) func([]glip.Detection) []glip.Detection {
	return func(list []glip.Detection) []glip.Detection {
		for i := range list {
			change(&list[i])
		}
		return list
	}
}

// suppressedBy suppresses by another measure, or boxes of any label, and keeps the best.
func suppressedBy(overlap func(a, b glip.Box) float64, sameLabel bool) func([]glip.Detection) []glip.Detection {
	return func(list []glip.Detection) (kept []glip.Detection) {
		for _, d := range list { // by falling score
			covered := slices.ContainsFunc(kept, func(k glip.Detection) bool {
				return (k.Label == d.Label || !sameLabel) && overlap(k.Box, d.Box) > glip.DefaultIoU
			})
			if !covered {
				kept = append(kept, d)
			}
		}
		return kept[:min(len(kept), glip.DefaultDetections)]
	}
}

// plainIoU takes boxes for rectangles of real width, as torchvision does.
func plainIoU(a, b glip.Box) float64 {
	side := func(low, high float64) float64 { return max(high-low, 0) }
	both := side(max(a.X1, b.X1), min(a.X2, b.X2)) * side(max(a.Y1, b.Y1), min(a.Y2, b.Y2))
	area := func(c glip.Box) float64 { return (c.X2 - c.X1) * (c.Y2 - c.Y1) }
	return both / (area(a) + area(b) - both)
}

// TestDetectionsRejectMistakes makes mistakes behind the head and wants the comparison of lists to
// fail as far as the manifest says.
func TestDetectionsRejectMistakes(t *testing.T) {
	s := newDetectorSuite(t, difftest.CommittedDetector(t))
	for _, m := range postMistakes {
		t.Run(m.variant, func(t *testing.T) {
			v := s.variant(t, m.variant)
			c := s.set.Case(t, v.Case)
			r, err := c.PlanSelection(m.in)
			if err != nil {
				t.Fatal(err)
			}
			if m.input != nil {
				m.input(r)
			}
			list := boxesOf(t, c, runOutputs(t, difftest.CPU{}, r), c.Frame(), m.limits)
			if m.change != nil {
				list = m.change(list)
			}
			compareLists(t, distanceOf(t, c, "detections_cuda", list), *v.List)
			if m.variant == "post: suppression IoU without +1" {
				testList(t, c, "detections_plain", list)
			}
		})
	}
	t.Run("post: no clipping", s.testUnclipped)
	t.Run("post: threshold after centre-ness", s.testLateThreshold)
}

// testUnclipped leaves boxes where they reach.
func (s *detectorSuite) testUnclipped(t *testing.T) {
	v := s.variant(t, "post: no clipping")
	c := s.set.Case(t, v.Case)
	r, err := c.PlanSelection(glip.Grounding{})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	var list []glip.Detection
	grids := glip.Grids(c.Padded[0], c.Padded[1])
	for l, rows := range runOutputs(t, difftest.CPU{}, r) {
		for row := range slices.Chunk(rows, graph.CandidateFields) {
			if row[3] > 0 {
				at, d := int(row[2]), float64s(row[4:8])
				box := glip.Decode(cfg.Anchor(l, at/grids[l].Width, at%grids[l].Width), d[0], d[1], d[2], d[3])
				list = append(list, glip.Detection{Box: box, Score: math.Sqrt(float64(row[0])), Label: int(row[3])})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b glip.Detection) int { return cmp.Compare(b.Score, a.Score) })
	compareLists(t, distanceOf(t, c, "detections_cuda", suppressedBy(glip.IoU, true)(list)), *v.List)
}

// compareLists wants a mistake to be rejected, and to be that which the manifest has.
func compareLists(t *testing.T, got, want difftest.ListDistance) {
	t.Helper()
	if !tells(got) {
		t.Errorf("accepted: %s", got)
	}
	near := func(a, b, slack float64) bool { return math.Abs(a-b) <= slack }
	if got.First != want.First || got.Second != want.Second ||
		!near(got.Box, want.Box, difftest.BoxTolerance) || !near(got.Score, want.Score, difftest.ScoreTolerance) {
		t.Errorf("%s; in the original: %s", got, want)
	}
}

// testLateThreshold applies the threshold to the product of probability and centerness, which only the
// whole of tiny.caption tells.
func (s *detectorSuite) testLateThreshold(t *testing.T) {
	c := s.set.Case(t, "tiny.caption")
	in, err := c.WholeInput(s.tokenizer(c))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	g, err := glip.Record(cfg, glip.Grounding{
		Height: in.Picture.Height, Width: in.Picture.Width, Tokens: len(in.IDs), Labels: in.Labels, Threshold: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	candidates, err := difftest.CPU{}.Run(t.Context(), g, s.weightsOf(t, c), in.Inputs, g.Outputs[:glip.Levels])
	if err != nil {
		t.Fatal(err)
	}
	for l, rows := range candidates {
		var passed []float32
		for row := range slices.Chunk(rows, graph.CandidateFields) {
			if row[0] > glip.DefaultThreshold {
				passed = append(passed, row...)
			}
		}
		candidates[l] = passed
	}
	list := boxesOf(t, c, candidates, c.Frame(), glip.Limits{})
	compareLists(t, distanceOf(t, c, "detections", list), *s.variant(t, "post: threshold after centre-ness").Tiny)
}
