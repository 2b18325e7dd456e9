package cpuref_test

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// of records an operation with inputs x0, x1 and so on.
func of(op func(b *graph.Builder, in []graph.Value) graph.Value, shapes ...graph.Shape) func(*graph.Builder) graph.Value {
	return func(b *graph.Builder) graph.Value {
		in := make([]graph.Value, len(shapes))
		for i, shape := range shapes {
			in[i] = b.In("x", i).Input(shape...)
		}
		return op(b.In("op"), in)
	}
}

func convRows() []opRow {
	return []opRow{
		{
			// 0..8 in 3 x 3 around (0,0): 6*1 + 8*3 + 9*4 = 66; (0,2): 4*1 + 5*2 + 7*4 + 8*5 = 82;
			// (2,0): 2*3 + 3*4 + 5*6 + 6*7 = 90; (2,2): 1*4 + 2*5 + 4*7 + 5*8 = 82.
			kind: "conv", about: "stride 2, padding, bias",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(x, 1, 3, graph.Conv{Stride: 2, Pad: 1}, graph.WithBias)
			}, 1, 3, 3, 1),
			weights: weightMap{"op.weight": {1, 2, 3, 4, 5, 6, 7, 8, 9}, "op.bias": {100}},
			inputs:  [][]float32{upTo(9)},
			want:    []float32{166, 182, 190, 182},
		},
		{
			// Channel 0 holds 0 2 4 6 and channel 1 holds 1 3 5 7: 2*10 + 4*100 + 6*1000 of the
			// first and 5*10000 of the second.
			kind: "conv", about: "channels before taps in a weight",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(x, 1, 2, graph.Conv{Stride: 1}, graph.NoBias)
			}, 1, 2, 2, 2),
			weights: weightMap{"op.weight": {1, 10, 100, 1000, 0, 0, 10000, 0}},
			inputs:  [][]float32{upTo(8)},
			want:    []float32{56420},
		},
		{
			// Five filters are one more than are computed together; two pictures of one position.
			kind: "conv", about: "five filters of 1 x 1",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(x, 5, 1, graph.Conv{Stride: 1}, graph.NoBias)
			}, 2, 1, 1, 2),
			weights: weightMap{"op.weight": {1, 0, 0, 1, 1, 1, 2, 0, 3, 1}},
			inputs:  [][]float32{{1, 10, 2, 20}},
			want:    []float32{1, 10, 11, 2, 13, 2, 20, 22, 4, 26},
		},
	}
}

func deformRows() []opRow {
	nan := float32(math.NaN())
	one := func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.DeformConv(in[0], in[1], 1, 1, graph.DeformConv{Stride: 1})
	}
	unit := weightMap{"op.weight": {1}, "op.bias": {100}}
	return []opRow{
		{
			// dy, dx, mask at each of 2 x 2 positions of the map 10 20 / 30 40. (0,0) samples
			// (1/2, 1/2), the mean 25; (0,1) samples (0, 3/2), half of 20 for what is outside
			// counts as 0, halved; (1,0) samples at column -1; (1,1) samples (-3/4, 1/2), a
			// quarter of 15, doubled.
			kind: "deformconv", about: "border",
			record:  of(one, graph.Shape{1, 2, 2, 1}, graph.Shape{1, 2, 2, 3}),
			weights: unit,
			inputs:  [][]float32{{10, 20, 30, 40}, {0.5, 0.5, 1, 0, 0.5, 0.5, 0.25, -1, 1, -1.75, -0.5, 2}},
			want:    []float32{125, 105, 100, 107.5},
		},
		{
			// Row 2, column 2 and row -1 of a map of 2 x 2 are whole steps outside; NaN is nowhere.
			kind: "deformconv", about: "outside",
			record:  of(one, graph.Shape{1, 2, 2, 1}, graph.Shape{1, 2, 2, 3}),
			weights: unit,
			inputs:  [][]float32{{10, 20, 30, 40}, {2, 0, 1, 0.5, 1, 1, -2, 0, 1, nan, 0, 1}},
			want:    []float32{100, 100, 100, 100},
		},
		{
			// Taps at (0,0) (0,1) (1,0) (1,1) moved by (1,0) (0,-1) (0,1) (-1,0) see 30 10 40 20,
			// with masks 1 1/2 1 2 and weights 1 10 100 1000. Offsets in two halves, all dy before
			// all dx, would see others.
			kind: "deformconv", about: "dy and dx of a tap are neighbours",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.DeformConv(in[0], in[1], 1, 2, graph.DeformConv{Stride: 2})
			}, graph.Shape{1, 2, 2, 1}, graph.Shape{1, 1, 1, 12}),
			weights: weightMap{"op.weight": {1, 10, 100, 1000}, "op.bias": {0}},
			inputs:  [][]float32{{10, 20, 30, 40}, {1, 0, 0, -1, 0, 1, -1, 0, 1, 0.5, 1, 2}},
			want:    []float32{44080},
		},
		{
			// Two outputs, four positions in om, so the first four numbers of channel 0 are dy
			// dy dx dx: 0 1/2 1/2 -1, and the masks are channel 2's first two, 1 and 2. (0, 1/2)
			// of 10 20 is 15; (1/2, 0) is half of 10, doubled. Channel 1 is not read. The second
			// picture is sampled where it is.
			kind: "deformconv", about: "offsets of a larger map",
			record:  of(one, graph.Shape{2, 1, 2, 1}, graph.Shape{2, 2, 2, 3}),
			weights: weightMap{"op.weight": {1}, "op.bias": {0}},
			inputs: [][]float32{{10, 20, 1, 2}, {
				0, 9, 1, 0.5, 9, 2, 0.5, 9, 9, -1, 9, 9,
				0, 9, 1, 0, 9, 1, 0, 9, 9, 0, 9, 9,
			}},
			want: []float32{15, 10, 1, 2},
		},
		{
			// Stride 2 and padding 1 of a 3 x 3 kernel that has only its first tap: output (y, x)
			// sees (2y-1, 2x-1), here moved down by 1 and right by 1.
			kind: "deformconv", about: "stride and padding",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.DeformConv(in[0], in[1], 1, 3, graph.DeformConv{Stride: 2, Pad: 1})
			}, graph.Shape{1, 3, 3, 1}, graph.Shape{1, 2, 2, 27}),
			weights: weightMap{"op.weight": {1, 0, 0, 0, 0, 0, 0, 0, 0}, "op.bias": {0}},
			inputs:  [][]float32{upTo(9), firstTap(4)},
			want:    []float32{0, 2, 6, 8},
		},
	}
}

// firstTap is, at each of n positions, an offset of (1, 1) and mask 1 of the first of
// nine taps, 0 for the others.
func firstTap(n int) []float32 {
	om := make([]float32, 27*n)
	for i := range n {
		om[27*i], om[27*i+1], om[27*i+18] = 1, 1, 1
	}
	return om
}

func resizeRows() []opRow {
	return []opRow{
		{
			// Rows floor(y*2/3) are 0 0 1, columns floor(x*3/4) are 0 0 1 2.
			kind:   "resizenearest",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeNearest(x, 3, 4) }, 1, 2, 3, 1),
			inputs: [][]float32{upTo(6)},
			want:   []float32{0, 0, 1, 2, 0, 0, 1, 2, 3, 3, 4, 5},
		},
		{
			// 0 3 / 6 9 at rows 0 1/2 1 and columns 0 1/3 2/3 1. Half-pixel centres would
			// have columns 0 1/4 3/4 1.
			kind: "resizebilinear", about: "larger",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 3, 4) }, 1, 2, 2, 1),
			inputs: [][]float32{{0, 3, 6, 9}},
			want:   []float32{0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9},
			relTol: 1e-7,
		},
		{
			// Two pictures of 5 x 2 positions at rows 0 2 4 and column 0.
			kind: "resizebilinear", about: "smaller, to one column",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 3, 1) }, 2, 5, 2, 1),
			inputs: [][]float32{upTo(20)},
			want:   []float32{0, 4, 8, 10, 14, 18},
		},
		{
			kind: "resizebilinear", about: "from one position",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 2, 2) }, 1, 1, 1, 2),
			inputs: [][]float32{{5, 7}},
			want:   []float32{5, 7, 5, 7, 5, 7, 5, 7},
		},
	}
}

func gateRows() []opRow {
	return []opRow{
		{
			// Group 0 holds 1 2 3 4: mean 5/2, variance 5/4, root of 5/4 + 1 is 3/2, so -1 -1/3
			// 1/3 1. Group 1 holds 7 only. Weights 2 3 1 1, biases 10 0 0 5.
			kind: "groupnorm",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 2, Eps: 1})
			}, 1, 1, 2, 4),
			weights: weightMap{"op.weight": {2, 3, 1, 1}, "op.bias": {10, 0, 0, 5}},
			inputs:  [][]float32{{1, 2, 7, 7, 3, 4, 7, 7}},
			want:    []float32{8, -1, 0, 5, 32. / 3, 3, 0, 5},
			relTol:  1e-7,
		},
		{
			// Mean a million and variance 3 in one picture, 0 and 3 in the other.
			kind: "groupnorm", about: "pictures apart, large offset",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 1, Eps: 1})
			}, 2, 2, 2, 1),
			weights: weightMap{"op.weight": {1}, "op.bias": {0}},
			inputs:  [][]float32{{999997, 1000001, 1000001, 1000001, -3, 1, 1, 1}},
			want:    []float32{-1.5, 0.5, 0.5, 0.5, -1.5, 0.5, 0.5, 0.5},
		},
		{
			kind:   "globalmean",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.GlobalMean(x) }, 2, 1, 2, 2),
			inputs: [][]float32{{1, 2, 3, 4, 5, 6, 7, 9}},
			want:   []float32{2, 3, 6, 7.5},
		},
		{
			// Picture 0: (1 2)/2 + (10 20), picture 1: (3 4) + (30 40)/4, both by two branches.
			kind: "weightedmean",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.WeightedMean(in...) },
				graph.Shape{2, 1, 1, 2}, graph.Shape{2, 1}, graph.Shape{2, 1, 1, 2}, graph.Shape{2, 1}),
			inputs: [][]float32{{1, 2, 3, 4}, {0.5, 1}, {10, 20, 30, 40}, {1, 0.25}},
			want:   []float32{5.25, 10.5, 5.25, 7},
		},
		{
			// a1 = 1 1/2, b1 = 1/2 1, a2 = 1/4 1/2, b2 = 3/4 0 are the lines 2x and -x/2 + 1/4 of
			// channel 0, x + 1/2 and -1/2 of channel 1.
			kind: "dynamicrelu",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.DynamicReLU(in[0], in[1]) },
				graph.Shape{1, 1, 2, 2}, graph.Shape{1, 8}),
			inputs: [][]float32{{1, 2, -3, -4}, {1, 0.5, 0.5, 1, 0.25, 0.5, 0.75, 0}},
			want:   []float32{2, 2.5, 1.75, -0.5},
		},
		{
			// The second picture has the lines x and -1/2, and -1/2 and 2x.
			kind: "dynamicrelu", about: "coefficients of each picture",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.DynamicReLU(in[0], in[1]) },
				graph.Shape{2, 1, 1, 1}, graph.Shape{2, 4}),
			inputs: [][]float32{{3, 3}, {0.5, 0.5, 0.5, 0, 0, 0, 1.5, 0.5}},
			want:   []float32{3, 6},
		},
	}
}
