package onnx_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/ort"
	"github.com/glipvk/glipvk/onnx"
)

// opCase is one operation on operands of one size. Inputs are by a formula, but for those that are given by their paths.
type opCase struct {
	op     graph.Op
	in     []graph.Shape // "x0" and so on
	params []graph.Shape // behind them
	given  map[int][]float32
	exact  bool // nothing is rounded
}

func (c opCase) name() string {
	return fmt.Sprintf("%s %+v %v %v", graph.Kind(c.op), c.op, c.in, c.params)
}

func opCases() []opCase {
	x, odd := graph.Shape{2, 6, 9, 8}, graph.Shape{2, 5, 7, 4}
	nan := float32(math.NaN())
	return []opCase{
		{op: graph.Linear{}, in: []graph.Shape{{2, 5, 12}}, params: []graph.Shape{{7, 3, 2, 2}, {7}}},
		{op: graph.Linear{}, in: []graph.Shape{{3, 4}}, params: []graph.Shape{{5, 4}}},
		{op: graph.Linear{}, in: []graph.Shape{{3, 4}, {5, 2, 2}}},
		{op: graph.Conv{Stride: 1, Pad: 1}, in: []graph.Shape{odd}, params: []graph.Shape{{6, 4, 3, 3}, {6}}},
		{op: graph.Conv{Stride: 2, Pad: 1}, in: []graph.Shape{x}, params: []graph.Shape{{3, 8, 3, 3}}},
		{op: graph.DeformConv{Stride: 1, Pad: 1}, in: []graph.Shape{odd, {2, 5, 7, 27}}, params: []graph.Shape{{6, 4, 3, 3}, {6}}},
		{op: graph.DeformConv{Stride: 1, Pad: 1}, in: []graph.Shape{{2, 3, 4, 4}, {2, 5, 7, 27}}, params: []graph.Shape{{6, 4, 3, 3}, {6}}},
		{op: graph.DeformConv{Stride: 2, Pad: 1}, in: []graph.Shape{{2, 9, 13, 4}, {2, 5, 7, 27}}, params: []graph.Shape{{6, 4, 3, 3}, {6}}},
		{op: graph.DeformConv{Stride: 1, Pad: 1}, in: []graph.Shape{{1, 2, 6, 4}, {1, 3, 4, 27}}, params: []graph.Shape{{6, 4, 3, 3}, {6}}, given: map[int][]float32{1: far(3 * 4 * 27)}},
		{op: graph.Scores{Heads: 3, Scale: 0.4}, in: []graph.Shape{{4, 9, 36}}},
		{op: graph.Context{Heads: 3}, in: []graph.Shape{{4, 3, 9, 9}, {4, 9, 36}}},
		{op: graph.CrossScores{Heads: 2, Scale: 0.3}, in: []graph.Shape{{2, 7, 8}, {2, 5, 8}, {2, 5}}},
		{op: graph.CrossScores{Heads: 1, Scale: 1}, in: []graph.Shape{{2, 7, 8}, {2, 5, 8}}},
		{op: graph.CrossContext{Heads: 2}, in: []graph.Shape{{2, 2, 7, 5}, {2, 5, 8}}, params: []graph.Shape{{8}}},
		{op: graph.CrossContext{Heads: 2}, in: []graph.Shape{{2, 2, 7, 5}, {2, 5, 8}}},
		{op: graph.AbsorbKeys{Heads: 2, Scale: 0.3}, in: []graph.Shape{{2, 5, 8}}, params: []graph.Shape{{8, 6}}},
		{op: graph.AbsorbBias{Heads: 2, Scale: 0.3}, in: []graph.Shape{{2, 5, 8}, {8}, {2, 5}}},
		{op: graph.AbsorbBias{Heads: 2, Scale: 1}, in: []graph.Shape{{2, 5, 8}}, params: []graph.Shape{{8}}},
		{op: graph.AbsorbValues{Heads: 2}, in: []graph.Shape{{2, 5, 8}}, params: []graph.Shape{{6, 8}}},
		{op: graph.HeadLinear{Heads: 2}, in: []graph.Shape{{2, 10, 6}}, params: []graph.Shape{{8, 6}, {8}}},
		{op: graph.TokenLogits{Limit: 0.8}, in: []graph.Shape{{2, 3, 4, 8}, {2, 5, 8}, {2, 5, 6}}, params: []graph.Shape{{6}, {1}, {1}}},
		{op: graph.LayerNorm{Eps: 1e-5}, in: []graph.Shape{x}, params: []graph.Shape{{8}, {8}}},
		{op: graph.GroupNorm{Groups: 4, Eps: 1e-5}, in: []graph.Shape{x}, params: []graph.Shape{{8}, {8}}},
		{op: graph.Normalize{Eps: 1e-12}, in: []graph.Shape{x}},
		{op: graph.Normalize{Eps: 20}, in: []graph.Shape{{2, 3}}},
		{op: graph.Softmax{}, in: []graph.Shape{{2, 3, 7}}},
		{op: graph.WindowPartition{Size: 3}, in: []graph.Shape{x}, exact: true},
		{op: graph.WindowReverse{Size: 3, Height: 6, Width: 9}, in: []graph.Shape{{12, 9, 8}}, exact: true},
		{op: graph.Roll{Down: 2, Right: 3}, in: []graph.Shape{x}, exact: true},
		{op: graph.Roll{Down: -1, Right: 0}, in: []graph.Shape{x}, exact: true},
		{op: graph.PositionBias{Window: 3}, params: []graph.Shape{{25, 4}}, exact: true},
		{op: graph.ShiftMask{Height: 8, Width: 12, Size: 4, Shift: 2}, exact: true},
		{op: graph.ShiftMask{Height: 7, Width: 7, Size: 7, Shift: 3}, exact: true},
		{op: graph.Patches{Size: 4}, in: []graph.Shape{{2, 3, 9, 14}}, exact: true},
		{op: graph.MergePatches{}, in: []graph.Shape{odd}, exact: true},
		{op: graph.ResizePosition{Height: 5, Width: 3}, params: []graph.Shape{{1, 16, 6}}},
		{op: graph.ResizePosition{Height: 4, Width: 4}, params: []graph.Shape{{1, 16, 6}}},
		{op: graph.ChannelsFirst{}, in: []graph.Shape{x}, exact: true},
		{op: graph.Pad{Height: 7, Width: 9}, in: []graph.Shape{x}, exact: true},
		{op: graph.Pad{Height: 6, Width: 9}, in: []graph.Shape{x}, exact: true},
		{op: graph.Crop{Height: 4, Width: 9}, in: []graph.Shape{x}, exact: true},
		{op: graph.ResizeNearest{Height: 13, Width: 7}, in: []graph.Shape{odd}, exact: true},
		{op: graph.ResizeNearest{Height: 3, Width: 4}, in: []graph.Shape{odd}, exact: true},
		{op: graph.ResizeBilinear{Height: 9, Width: 14}, in: []graph.Shape{odd}},
		{op: graph.ResizeBilinear{Height: 2, Width: 1}, in: []graph.Shape{{2, 1, 1, 4}}},
		{op: graph.GlobalMean{}, in: []graph.Shape{x}},
		{op: graph.WeightedMean{}, in: []graph.Shape{x, {2, 1}, x, {2, 1}, x, {2, 1}}},
		{op: graph.Embed{}, in: []graph.Shape{{2, 5}}, params: []graph.Shape{{9, 6}, {2, 6}, {7, 6}}, given: map[int][]float32{0: {3, 0, 8, 9, 4, nan, -2, 1, 1, 100}}},
		{op: graph.ConcatTokens{}, in: []graph.Shape{{2, 3, 4, 8}, {2, 5, 8}, {2, 8}}, exact: true},
		{op: graph.SliceTokens{Begin: 3, Height: 2, Width: 3}, in: []graph.Shape{{2, 11, 4}}, exact: true},
		{op: graph.Reshape{To: graph.Shape{4, 3, 6}}, in: []graph.Shape{{2, 36}}, exact: true},
		{op: graph.SwapLast{}, in: []graph.Shape{{2, 3, 4, 5}}, exact: true},
		{op: graph.Add{}, in: []graph.Shape{{6, 4, 5, 5}, {3, 1, 5, 5}}, exact: true},
		{op: graph.Add{}, in: []graph.Shape{{6, 4, 5, 5}, {4, 5, 5}}, exact: true},
		{op: graph.Add{}, in: []graph.Shape{{4, 6}, {2, 3}}, exact: true},
		{op: graph.Add{}, in: []graph.Shape{{2, 6}, {2, 3}}, exact: true},
		{op: graph.Add{}, in: []graph.Shape{x, x}, exact: true},
		{op: graph.AddScaled{}, in: []graph.Shape{x, x}, params: []graph.Shape{{8}}},
		{op: graph.Scale{Factor: -0.7}, in: []graph.Shape{x}},
		{op: graph.MulScalar{}, in: []graph.Shape{x}, params: []graph.Shape{{1}}},
		{op: graph.GELU{}, in: []graph.Shape{x}},
		{op: graph.ReLU{}, in: []graph.Shape{x}, exact: true},
		{op: graph.Sigmoid{}, in: []graph.Shape{x}},
		{op: graph.Sigmoid{From: 3}, in: []graph.Shape{x}},
		{op: graph.HardSigmoid{}, in: []graph.Shape{{9}}, given: map[int][]float32{0: {-4, -3, -2.9, -1, 0, 1, 2.9, 3, 4}}},
		{op: graph.Clamp{Limit: 0.5}, in: []graph.Shape{x}, exact: true},
		{op: graph.DynamicReLU{}, in: []graph.Shape{x, {2, 32}}},
		{op: graph.PhraseScores{}, in: []graph.Shape{{2, 5, 4}, {2, 3, 4}}, given: map[int][]float32{1: owned}},
		{op: graph.PhraseScores{Aggregate: graph.Max}, in: []graph.Shape{{2, 5, 4}, {2, 3, 4}}, given: map[int][]float32{1: owned}},
		{op: graph.PhraseScores{Aggregate: graph.Power}, in: []graph.Shape{{2, 5, 4}, {2, 3, 4}}, given: map[int][]float32{1: owned}},
		{op: graph.Candidates{Threshold: 0.3, Limit: 9}, in: []graph.Shape{{2, 6, 4}, {2, 2, 3, 1}, {2, 2, 3, 4}}},
		{op: graph.Candidates{Threshold: 0.99, Limit: 7}, in: []graph.Shape{{2, 6, 4}, {2, 6, 1}, {2, 6, 4}}},
		{op: graph.Candidates{Threshold: 0, Limit: 30}, in: []graph.Shape{{1, 6, 4}, {1, 6, 1}, {1, 6, 4}}, given: map[int][]float32{
			0: {0.5, 0.5, nan, 0.25, 0, 0.5, 1, 1, 1, 0.5, 0.5, 0.5, 0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1, nan, nan, 0.5, 0.5}, 1: {0, 0, 0, 1, -1, nan},
		}},
	}
}

// owned are tokens of labels: several, one, and none.
var owned = []float32{1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1}

// far are offsets of up to four positions, whole and broken ones, with masks.
func far(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32((i*7)%33)/4 - 4
	}
	return values
}

// record is the graph of a case, its inputs' values and its weights.
func (c opCase) record(t *testing.T) (*graph.Graph, [][]float32) {
	t.Helper()
	b := graph.NewBuilder()
	var operands []graph.Value
	var inputs [][]float32
	for i, s := range c.in {
		name := fmt.Sprint("x", i)
		operands = append(operands, b.In(name).Input(s...))
		values, given := c.given[i]
		if !given {
			values, _ = made{}.Tensor(name, s)
		}
		inputs = append(inputs, values)
	}
	for i, s := range c.params {
		operands = append(operands, b.Param(fmt.Sprint("weight", i), s...))
	}
	b.Output(b.In("op").Record(c.op, operands...))
	g, err := b.Build()
	if err != nil {
		t.Fatalf("%s: %v", c.name(), err)
	}
	return g, inputs
}

// TestOperations runs each operation in ONNX Runtime and compares it with the oracle; deformable convolutions both ways.
func TestOperations(t *testing.T) {
	r := needRuntime(t)
	var jobs []ort.Job
	var checks []func(ort.Result)
	for _, c := range opCases() {
		g, inputs := c.record(t)
		want, err := cpuref.Run(t.Context(), g, made{}, cpuref.Options{}, inputs...)
		if err != nil {
			t.Fatalf("%s: %v", c.name(), err)
		}
		ways := []bool{false}
		if _, deformable := c.op.(graph.DeformConv); deformable {
			ways = append(ways, true)
		}
		for _, gather := range ways {
			job, read, err := prepare(t, g, made{}, inputs, g.Outputs, gather)
			if err != nil {
				t.Fatalf("%s: %v", c.name(), err)
			}
			jobs = append(jobs, job)
			checks = append(checks, func(result ort.Result) {
				got, err := read(result)
				if err != nil {
					t.Errorf("%s: %v", c.name(), err)
					return
				}
				bounds := compare.Bounds{RelativeL2: 2e-6, Absolute: 2e-5}
				if c.exact {
					bounds = compare.Bounds{}
				}
				if len(got[0]) != len(want[0]) {
					t.Errorf("%s: %d elements, want %d", c.name(), len(got[0]), len(want[0]))
				} else if d := compare.Values(c.name(), got[0], want[0]).Within(bounds); !d.OK() {
					t.Errorf("gather %v: %s\n%v\n%v", gather, d, got[0][:min(40, len(got[0]))], want[0][:min(40, len(want[0]))])
				}
			})
		}
	}
	results, err := r.Run(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		checks[i](result)
	}
}

// TestEveryLoweringIsTested wants a case above of every operation that can be written.
func TestEveryLoweringIsTested(t *testing.T) {
	var kinds []string
	for _, c := range opCases() {
		kinds = append(kinds, graph.Kind(c.op))
	}
	for _, kind := range onnx.Lowered() {
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s has no case", kind)
		}
	}
}
