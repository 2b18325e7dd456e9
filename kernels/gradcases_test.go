package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
	"github.com/glipvk/glipvk/kernels"
)

// gradCases are the operations of training.
func gradCases() []opCase {
	var list []opCase
	for i, r := range append(gradrows.Rows(), unusual()...) {
		kind := graph.Kind(r.Op)
		if !slices.Contains(kernels.Kinds(), kind) {
			continue
		}
		within := bound{each: 4 * ulp, rms: 2e-5, l2: 1e-5}
		if slices.Contains([]string{"packhalves", "unpackhalves", "slicechannels", "concatchannels", "splitpatches", "tile", "fill", "keep", "mul", "relugradx", "clampgradx"}, kind) {
			within = bound{}
		}
		list = append(list, opCase{op: kind, name: fmt.Sprint(i, r.In), bound: within, card: i >= len(gradrows.Rows()), record: func(b *graph.Builder) {
			var values []graph.Value
			for k, s := range r.In {
				values = append(values, b.In("x", k).Input(s...))
			}
			b.Output(b.In("y").Record(r.Op, values...))
		}, fill: func(_ *rand.Rand, path string, data []float32) {
			var k int
			if _, err := fmt.Sscanf(strings.ReplaceAll(path, ".", " "), "x %d", &k); err != nil {
				panic(path)
			}
			copy(data, r.Operands(i)[k])
		}})
	}
	return list
}

// unusual are operands that an executor must not hide or be led astray by: long ones, no numbers, infinities, and
// logits far out.
func unusual() []gradrows.Row {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	g, x := []float32{1, inf, inf, 1, 1, nan, -3}, []float32{nan, 1, -4, inf, -inf, -9, 2}
	seven := []graph.Shape{{7}, {7}}
	far := make([]float32, 2*7*9)
	for i := range far {
		far[i] = float32(i - 63)
	}
	focal := []graph.Shape{{2, 7, 9}, {2, 7}, {2, 4, 9}, {2, 9}}
	long, norm := graph.Shape{2, 10, 13, 8}, graph.GroupNorm{Groups: 4, Eps: 1e-5}
	return []gradrows.Row{
		{Op: graph.GroupNormGradX{GroupNorm: norm}, In: []graph.Shape{long, long, {8}}}, // these are long enough to be split
		{Op: graph.GroupNormGradWeight{GroupNorm: norm}, In: []graph.Shape{long, long}},
		{Op: graph.DynamicReLUGradT{}, In: []graph.Shape{long, long, {2, 32}}},
		{Op: graph.ResizeNearestGradX{Height: 40, Width: 7}, In: []graph.Shape{{2, 90, 9, 8}}},
		{Op: graph.ResizeBilinearGradX{Height: 40, Width: 7}, In: []graph.Shape{{2, 90, 9, 8}}},
		{Op: graph.SliceChannels{Begin: 3, Count: 11}, In: []graph.Shape{{400, 14}}},
		{Op: graph.ConcatChannels{}, In: []graph.Shape{{90, 4}, {90, 8}}},
		{Op: graph.Mul{}, In: []graph.Shape{{90, 8}, {8}}},
		{Op: graph.Tile{To: graph.Shape{90, 8}}, In: []graph.Shape{{8}}},
		{Op: graph.UnpackHalves{To: graph.Shape{90, 8}}, In: []graph.Shape{{360}}, Given: map[int][]float32{0: slices.Repeat([]float32{1, 2, -0.1}, 120)}},
		{Op: graph.ReLUGradX{}, In: seven, Given: map[int][]float32{0: g, 1: x}},
		{Op: graph.HardSigmoidGradX{}, In: seven, Given: map[int][]float32{0: g, 1: x}},
		{Op: graph.ClampGradX{Limit: 3}, In: seven, Given: map[int][]float32{0: g, 1: x}},
		{Op: graph.GELUGradX{}, In: seven, Given: map[int][]float32{0: g, 1: x}},
		{Op: graph.Exp{}, In: seven[:1], Given: map[int][]float32{0: x}},
		{Op: graph.SoftmaxGradX{}, In: []graph.Shape{{1, 7}, {1, 7}}, Given: map[int][]float32{0: g}},
		{Op: graph.SumTiles{To: graph.Shape{7}}, In: []graph.Shape{{200, 7}}, Given: map[int][]float32{0: slices.Repeat(x, 200)}},
		{Op: graph.AdamW{Eps: 1e-8}, In: []graph.Shape{{7}, {7}, {7}, {4}}, Given: map[int][]float32{1: x, 3: {0.01, 0.05, 0.19, 0.002}}},
		{Op: graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}, In: focal, Given: map[int][]float32{0: far}},
		{Op: graph.TokenFocalLossGradX{TokenFocalLoss: graph.TokenFocalLoss{Alpha: 0.25, Gamma: 0}}, In: append([]graph.Shape{{1}}, focal...), Given: map[int][]float32{1: far}},
		{Op: graph.CenternessLoss{}, In: []graph.Shape{{2, 63, 1}, {2, 63}}, Given: map[int][]float32{0: far}},
		{Op: graph.DropBlock{Size: 7}, In: []graph.Shape{{1, 3, 3, 1}}, Given: map[int][]float32{0: {0, 0, 0, 0, 1, 0, 0, 0, 0}}},
	}
}

// neverSplit are those of training that no device of the tests is too small for, or that say so where it is.
var neverSplit = []string{"positionbiasgradtable", "embedgradword", "fill", "dropblock", "clipscale", "centernessloss", "centernesslossgradx",
	"giouloss", "gioulossgradx", "tokenfocalloss", "tokenfocallossgradx"}
