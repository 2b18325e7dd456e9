package difftest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
)

// detectorParts are the cases of group modules that are no graph.
var detectorParts = map[string]func(*testing.T, *difftest.DetectorCase){
	"preprocess": testPreparation, "anchors": testAnchors, "decode": testDecoding, "nms": testSuppression,
}

// scoresTolerance bounds probabilities. Float32 rounds them by up to 6e-8; a device's exponential of
// up to 10 is allowed 23 units in the last place.
const scoresTolerance = 2e-6

// aggregates are those of the original's SCORE_AGG.
var aggregates = map[string]graph.Aggregate{"mean": graph.Mean, "max": graph.Max, "power": graph.Power}

// testScores compares the probabilities of labels, and wants other ways to aggregate rejected. A
// label without tokens has NaN in the original and 0 here; neither passes a threshold.
func testScores(t *testing.T, set *difftest.DetectorSet, c *difftest.DetectorCase, e difftest.Executor) {
	t.Helper()
	source := set.Case(t, "convert.mean") // its logits are those of all
	logits, err := source.Stored("logits")
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Stored("scores")
	if err != nil {
		t.Fatal(err)
	}
	shape, whole := tensorOf(t, source, "logits").Whole, tensorOf(t, c, "scores").Whole
	owned, err := c.Owned(whole[2], shape[2])
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range want {
		if tokens, ok := c.Positive[fmt.Sprint(i%whole[2]+1)]; ok && len(tokens) == 0 && math.IsNaN(float64(v)) {
			want[i] = 0
		}
	}
	_, right, _ := strings.Cut(c.ID, ".")
	for name, a := range aggregates {
		b := graph.NewBuilder()
		z, o := b.In("logits").Input(shape...), b.In("owned").Input(shape[0], whole[2], shape[2])
		b.Output(b.In("scores").PhraseScores(z, o, graph.PhraseScores{Aggregate: a}))
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		got := runOutputs(t, e, difftest.DetectorRun{Graph: g, Inputs: [][]float32{logits, slices.Repeat(owned, shape[0])}})[0]
		r := compare.Values("value", got, want).Within(compare.Bounds{RelativeL2: scoresTolerance, Absolute: scoresTolerance})
		if r.OK() != (name == right) {
			t.Errorf("%s: %s", name, r)
		}
	}
}

func tensorOf(t *testing.T, c *difftest.DetectorCase, name string) difftest.Tensor {
	t.Helper()
	tensor, ok := c.Tensor(name)
	if !ok {
		t.Fatalf("%s has no tensor %s", c.ID, name)
	}
	return tensor
}

// testPreparation prepares a case's picture, which must become the stored one bit by bit.
func testPreparation(t *testing.T, c *difftest.DetectorCase) {
	in, err := c.Prepared()
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Stored("image")
	if err != nil {
		t.Fatal(err)
	}
	if r := compare.Values("value", in.Data, want); !r.OK() {
		t.Error(r)
	}
}

// testAnchors compares the anchors of every position, which are halves of whole numbers.
func testAnchors(t *testing.T, c *difftest.DetectorCase) {
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	var sizes [][2]int
	if err := json.Unmarshal(c.Levels, &sizes); err != nil || len(sizes) != glip.Levels {
		t.Fatalf("levels %s: %v", c.Levels, err)
	}
	for l, size := range sizes {
		var got []float32
		for i := range size[0] * size[1] {
			for _, v := range cfg.Anchor(l, i/size[1], i%size[1]).Corners() {
				got = append(got, float32(v))
			}
		}
		want, err := c.Stored(fmt.Sprint("level", l))
		if err != nil {
			t.Fatal(err)
		}
		if r := compare.Values("value", got, want); !r.OK() || len(want) == 0 {
			t.Errorf("level %d: %s", l, r)
		}
	}
}

// testDecoding moves stored anchors by stored deltas.
func testDecoding(t *testing.T, c *difftest.DetectorCase) {
	anchors, err := c.Stored("anchors")
	if err != nil {
		t.Fatal(err)
	}
	deltas, err := c.Stored("pred")
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for i := 0; i+4 <= len(anchors) && i+4 <= len(deltas); i += 4 {
		a, d := float64s(anchors[i:][:4]), float64s(deltas[i:][:4])
		box := glip.Decode(glip.Box{X1: a[0], Y1: a[1], X2: a[2], Y2: a[3]}, d[0], d[1], d[2], d[3])
		for _, v := range box.Corners() {
			got = append(got, float32(v))
		}
	}
	r, err := c.Compare(tensorOf(t, c, "boxes"), got)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Error(r)
	}
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// testSuppression suppresses stored candidates, exactly, and wants the list that another rule
// gives rejected.
func testSuppression(t *testing.T, c *difftest.DetectorCase) {
	candidates, err := c.Detections("candidates")
	if err != nil {
		t.Fatal(err)
	}
	kept := glip.Suppress(candidates, glip.DefaultIoU)
	want, err := c.Detections("detections_cuda")
	if err != nil {
		t.Fatal(err)
	}
	if d := difftest.CompareLists(kept, want); d != (difftest.ListDistance{}) || len(want) == 0 {
		t.Error(d)
	}
	if d := distanceOf(t, c, "detections_plain", kept); d.OK() {
		t.Errorf("the list that widths without + 1 give is accepted: %s", d)
	}
}
