package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// recorded is an operation whose operands are all inputs.
func recorded(op graph.Op, in ...graph.Shape) opCase {
	return opCase{op: graph.Kind(op), name: fmt.Sprint(in), card: true, bound: bound{2e-5, 1e-4, 2e-5}, record: func(b *graph.Builder) {
		var values []graph.Value
		for k, s := range in {
			values = append(values, b.In("x", k).Input(s...))
		}
		b.Output(b.In("y").Record(op, values...))
	}}
}

// productCases are gradients of products with enough work for the uniform shader, and for sums in parts.
func productCases() []opCase {
	deform := graph.DeformConv{Stride: 1, Pad: 1}
	return []opCase{
		recorded(graph.LinearGradX{}, graph.Shape{300, 96}, graph.Shape{96, 64}),
		recorded(graph.LinearGradWeight{Weight: graph.Shape{20, 12}}, graph.Shape{9, 600, 20}, graph.Shape{9, 600, 12}),
		recorded(graph.LinearGradWeight{Weight: graph.Shape{27, 33}}, graph.Shape{5000, 27}, graph.Shape{5000, 33}),
		recorded(graph.ConvGradX{Conv: graph.Conv{Stride: 1, Pad: 1}, Height: 9, Width: 12}, graph.Shape{2, 9, 12, 64}, graph.Shape{64, 48, 3, 3}),
		recorded(graph.ConvGradX{Conv: graph.Conv{Stride: 2, Pad: 1}, Height: 10, Width: 13}, graph.Shape{2, 5, 7, 64}, graph.Shape{64, 48, 3, 3}),
		recorded(graph.ConvGradX{Conv: graph.Conv{Stride: 1}, Height: 9, Width: 12}, graph.Shape{2, 9, 12, 64}, graph.Shape{64, 48, 1, 1}),
		recorded(graph.ConvGradWeight{Conv: graph.Conv{Stride: 1, Pad: 1}, Size: 3}, graph.Shape{2, 9, 12, 64}, graph.Shape{2, 9, 12, 48}),
		recorded(graph.ConvGradWeight{Conv: graph.Conv{Stride: 1}, Size: 1}, graph.Shape{2, 9, 12, 64}, graph.Shape{2, 9, 12, 48}),
		recorded(graph.DeformConvGradX{DeformConv: deform, Height: 9, Width: 12}, graph.Shape{2, 9, 12, 64}, graph.Shape{2, 9, 12, 27}, graph.Shape{64, 48, 3, 3}),
		recorded(graph.DeformConvGradOffset{DeformConv: deform}, graph.Shape{2, 9, 12, 64}, graph.Shape{2, 9, 12, 48}, graph.Shape{2, 9, 12, 27}, graph.Shape{64, 48, 3, 3}),
		recorded(graph.DeformConvGradWeight{DeformConv: deform, Size: 3}, graph.Shape{2, 9, 12, 64}, graph.Shape{2, 9, 12, 48}, graph.Shape{2, 9, 12, 27}),
		// of outputs so many that they are bound in parts where little fits
		recorded(graph.DeformConvGradX{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}, Height: 9, Width: 11}, graph.Shape{2, 5, 6, 160}, graph.Shape{2, 6, 7, 27}, graph.Shape{160, 2, 3, 3}),
		recorded(graph.DeformConvGradOffset{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}}, graph.Shape{2, 5, 6, 160}, graph.Shape{2, 9, 11, 2}, graph.Shape{2, 6, 7, 27}, graph.Shape{160, 2, 3, 3}),
		recorded(graph.DeformConvGradWeight{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}, Size: 3}, graph.Shape{2, 5, 6, 160}, graph.Shape{2, 9, 11, 2}, graph.Shape{2, 6, 7, 27}),
		recorded(graph.HeadLinearGradWeight{Heads: 2}, graph.Shape{2, 200, 256}, graph.Shape{2, 400, 64}),
	}
}

// valueCases are products whose weight is an input, as trained weights are.
func valueCases() []opCase {
	shape := func(sizes ...int) graph.Shape { return sizes }
	conv, wide := graph.Conv{Stride: 1, Pad: 1}, graph.Conv{Stride: 2, Pad: 1}
	return []opCase{
		recorded(graph.Linear{}, shape(3, 17, 40), shape(33, 40), shape(33)),
		recorded(graph.Linear{}, shape(300, 96), shape(64, 96), shape(64)),
		recorded(graph.Linear{}, shape(300, 96), shape(64, 24, 2, 2)),
		recorded(conv, shape(2, 5, 6, 7), shape(27, 7, 3, 3), shape(27)),
		recorded(conv, shape(2, 9, 12, 48), shape(64, 48, 3, 3), shape(64)),
		recorded(conv, shape(2, 9, 12, 64), shape(27, 64, 3, 3), shape(27)),
		recorded(wide, shape(2, 9, 12, 48), shape(64, 48, 3, 3)),
		recorded(graph.Conv{Stride: 1}, shape(2, 9, 12, 48), shape(64, 48, 1, 1), shape(64)),
		recorded(graph.DeformConv{Stride: 1, Pad: 1}, shape(2, 9, 12, 64), shape(2, 9, 12, 27), shape(48, 64, 3, 3), shape(48)),
		recorded(graph.DeformConv{Stride: 2, Pad: 1}, shape(2, 9, 11, 7), shape(2, 6, 7, 27), shape(20, 7, 3, 3), shape(20)),
		recorded(graph.HeadLinear{Heads: 4}, shape(2, 36, 24), shape(64, 24), shape(64)),
		recorded(graph.AbsorbKeys{Heads: 4, Scale: 0.3}, shape(2, 9, 64), shape(64, 24)),
		recorded(graph.AbsorbValues{Heads: 4}, shape(2, 9, 64), shape(24, 64)),
	}
}

// TestGradients compares operations of training with the oracle in every style that a device has, fused; runs give the same
// bits.
func TestGradients(t *testing.T) {
	for _, c := range slices.Concat(gradCases(), productCases(), valueCases()) {
		t.Run(c.String(), func(t *testing.T) { everyWay(t, c, c.tensors(), build(t, c.record), "", "direct", "tiled") })
	}
}

// everyWay compares a graph with the oracle in some variants of the device, twice.
func everyWay(t *testing.T, c opCase, s tensors, g *graph.Graph, variants ...string) {
	t.Helper()
	want := oracle(t, g, s)
	for _, way := range variants {
		p := compileAs(t, device(t), g, s, vulkan.UploadOptions{Variant: way}, vulkan.Options{})
		first := run(t, p, s.inputs(g)...)
		for k := range want {
			if err := c.bound.check(first[k], want[k]); err != nil {
				t.Errorf("%q: result %d: %v", way, k, err)
			}
		}
		same(t, way+": second run", run(t, p, s.inputs(g)...), first)
	}
}

// TestWeightsReadTwice: weights that something else reads too, or that the caller wants to see, lie as they are.
func TestWeightsReadTwice(t *testing.T) {
	for name, record := range map[string]func(b *graph.Builder){
		"a linear's and added": func(b *graph.Builder) {
			x, w := b.In("x").Input(64, 64), b.Param("w", 64, 64)
			b.Output(b.In("z").Add(b.In("y").LinearOf(x, w, graph.WithBias), w))
		},
		"a linear's and an output": func(b *graph.Builder) {
			w := b.Param("w", 64, 64)
			b.Output(b.In("g").GELU(b.In("y").LinearOf(b.In("x").Input(300, 64), w, graph.WithBias)))
			b.Output(w)
		},
		"a linear's and its gradient's": func(b *graph.Builder) {
			w := b.Param("w", 64, 96)
			x := b.In("n").LayerNorm(b.In("x").Input(300, 96), 1e-5)
			y := b.In("y").LinearOf(x, w, graph.WithBias)
			b.Output(b.In("a").Add(b.In("r").Input(300, 64), y))
			b.Output(b.In("dx").Record(graph.LinearGradX{}, b.In("g").Input(300, 64), w))
		},
		"a convolution's and added": func(b *graph.Builder) {
			x := b.In("x").Input(8, 8, 1, 1)
			b.Output(b.In("z").Add(x, b.In("y").Param("weight", 8, 8, 1, 1)))
			b.Output(b.In("y").Conv(b.In("u").Input(1, 4, 4, 8), 8, 1, graph.Conv{Stride: 1}, graph.NoBias))
		},
		"a convolution's and a linear's": func(b *graph.Builder) {
			b.Output(b.In("y").Conv(b.In("x").Input(1, 4, 4, 8), 8, 2, graph.Conv{Stride: 1}, graph.NoBias))
			b.Output(b.In("z").LinearOf(b.In("u").Input(3, 32), b.In("y").Param("weight", 8, 8, 2, 2), graph.NoBias))
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, opCase{bound: bound{2e-5, 1e-4, 2e-5}}, tensors{uniform, seed}, build(t, record), "", "direct", "tiled")
		})
	}
}
