package cpuref_test

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

func elementRows() []opRow {
	nan, inf, ln3 := float32(math.NaN()), float32(math.Inf(1)), float32(math.Log(3))
	return []opRow{
		{
			// 1/(1 + 1/3) is 3/4; the first channel passes.
			kind:   "sigmoid",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, 1) }, 2, 3),
			inputs: [][]float32{{5, 0, ln3, nan, -1000, 1000}},
			want:   []float32{5, 0.5, 0.75, nan, 0, 1},
			relTol: 1e-7,
		},
		{
			kind: "relu", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) }, 5),
			inputs: [][]float32{{-1, 0, 2, nan, -inf}},
			want:   []float32{0, 0, 2, nan, 0},
		},
		{
			kind: "hardsigmoid", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.HardSigmoid(x) }, 7),
			inputs: [][]float32{{-4, -3, 0, 1.5, 3, 9, nan}},
			want:   []float32{0, 0, 0.5, 0.75, 1, 1, nan},
		},
		{
			kind: "clamp", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, 2) }, 6),
			inputs: [][]float32{{-5, -2, 1, 7, nan, -inf}},
			want:   []float32{-2, -2, 1, 2, nan, -2},
		},
		{
			kind: "scale", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Scale(x, -0.5) }, 2, 2),
			inputs: [][]float32{{1, 2, -3, nan}},
			want:   []float32{-0.5, -1, 1.5, nan},
		},
		{
			kind: "mulscalar",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.MulScalar(in[0], in[1]) },
				graph.Shape{2, 2}, graph.Shape{1}),
			inputs: [][]float32{{1, 2, -3, 4}, {3}},
			want:   []float32{3, 6, -9, 12},
		},
		{
			// (1 2) + (1/2 2)*(10 20), (3 4) + (1/2 2)*(30 40).
			kind: "addscaled",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.AddScaled(in[0], in[1], in[2]) },
				graph.Shape{2, 2}, graph.Shape{2, 2}, graph.Shape{2}),
			inputs: [][]float32{{1, 2, 3, 4}, {10, 20, 30, 40}, {0.5, 2}},
			want:   []float32{6, 42, 18, 84},
		},
		{
			// The length of (3 4) is 5; shorter rows than Eps, here 1, are divided by it.
			kind: "normalize", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Normalize(x, 1) }, 3, 2),
			inputs: [][]float32{{3, 4, 0, 0, 0.25, 0.5}},
			want:   []float32{0.6, 0.8, 0, 0, 0.25, 0.5},
			relTol: 1e-7,
		},
	}
}

func tokenRows() []opRow {
	nan := float32(math.NaN())
	return []opRow{
		{
			// A map of 1 x 2 and one token, of two pictures.
			kind: "concattokens",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.ConcatTokens(in...) },
				graph.Shape{2, 1, 2, 2}, graph.Shape{2, 1, 2}),
			inputs: [][]float32{upTo(8), {10, 11, 20, 21}},
			want:   []float32{0, 1, 2, 3, 10, 11, 4, 5, 6, 7, 20, 21},
		},
		{
			// Of rank 2 there is one token a picture.
			kind: "concattokens", about: "rank 2",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.ConcatTokens(in...) },
				graph.Shape{2, 1}, graph.Shape{2, 2, 1}),
			inputs: [][]float32{{8, 9}, upTo(4)},
			want:   []float32{8, 0, 1, 9, 2, 3},
		},
		{
			kind: "slicetokens",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.SliceTokens(x, graph.SliceTokens{Begin: 1, Height: 2, Width: 2})
			}, 2, 5, 1),
			inputs: [][]float32{upTo(10)},
			want:   []float32{1, 2, 3, 4, 6, 7, 8, 9},
		},
		{
			kind: "reshape", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Reshape(x, 3, 1, 2) }, 2, 3),
			inputs: [][]float32{upTo(6)},
			want:   upTo(6),
		},
		{
			kind: "swaplast", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.SwapLast(x) }, 2, 2, 3),
			inputs: [][]float32{upTo(12)},
			want:   []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11},
		},
		{
			// Type 0 is (10 20); positions (100 200) (300 400) (500 600). Ids 2, 0, then 9 and -3,
			// nearest to which are 2 and 0, and in a second picture NaN, 1 and 2.
			kind: "embed",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.Embed(in[0], in[1], in[2], in[3]) },
				graph.Shape{2, 3}, graph.Shape{3, 2}, graph.Shape{2, 2}, graph.Shape{4, 2}),
			inputs: [][]float32{{2, -3, 9, nan, 1, 2}, {1, 2, 3, 4, 5, 6}, {10, 20, 1000, 1000}, {100, 200, 300, 400, 500, 600, 7, 8}},
			want:   []float32{115, 226, 311, 422, 515, 626, 111, 222, 313, 424, 515, 626},
		},
	}
}

func crossRows() []opRow {
	scores := func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.CrossScores(in[0], in[1], graph.CrossScores{Heads: 2, Scale: 0.5}, in[2:]...)
	}
	crossed := func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.CrossContext(in[0], in[1], 2, in[2:]...)
	}
	q, k := []float32{1, 2, 3, 4, 0, 1, 1, 0}, []float32{1, 1, 1, 1, 2, 0, 0, 2, 0, 4, 4, 0}
	p, v := []float32{1, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0, 0.25, 0.5}, []float32{1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400}
	return []opRow{
		{
			// Head 0: (1 2) and (0 1) against (1 1) (2 0) (0 4); head 1: (3 4) and (1 0) against
			// (1 1) (0 2) (4 0); halved.
			kind:   "crossscores",
			record: of(scores, graph.Shape{1, 2, 4}, graph.Shape{1, 3, 4}),
			inputs: [][]float32{q, k},
			want:   []float32{1.5, 1, 4, 0.5, 0, 2, 3.5, 4, 6, 0.5, 0, 2},
		},
		{
			kind: "crossscores", about: "with a bias, which is not scaled",
			record: of(scores, graph.Shape{1, 2, 4}, graph.Shape{1, 3, 4}, graph.Shape{1, 3}),
			inputs: [][]float32{q, k, {10, 20, 30}},
			want:   []float32{11.5, 21, 34, 10.5, 20, 32, 13.5, 24, 36, 10.5, 20, 32},
		},
		{
			// Two pictures with one query and one key, of two heads of one channel.
			kind: "crossscores", about: "of two pictures",
			record: of(scores, graph.Shape{2, 1, 2}, graph.Shape{2, 1, 2}, graph.Shape{2, 1}),
			inputs: [][]float32{{1, 2, 3, 4}, {10, 20, 30, 40}, {100, 200}},
			want:   []float32{105, 120, 245, 280},
		},
		{
			// Head 0 is the first two columns: value 0, then half of 0 and 1. Head 1: value 2,
			// then a quarter of 1 and half of 2.
			kind:   "crosscontext",
			record: of(crossed, graph.Shape{1, 2, 2, 3}, graph.Shape{1, 3, 4}),
			inputs: [][]float32{p, v},
			want:   []float32{1, 2, 300, 400, 5.5, 11, 157.5, 210},
		},
		{
			kind: "crosscontext", about: "with a bias",
			record: of(crossed, graph.Shape{1, 2, 2, 3}, graph.Shape{1, 3, 4}, graph.Shape{4}),
			inputs: [][]float32{p, v, {1000, 2000, 3000, 4000}},
			want:   []float32{1001, 2002, 3300, 4400, 1005.5, 2011, 3157.5, 4210},
		},
		{
			kind: "crosscontext", about: "of two pictures",
			record: of(crossed, graph.Shape{2, 2, 1, 1}, graph.Shape{2, 1, 2}),
			inputs: [][]float32{{1, 2, 3, 4}, {10, 20, 30, 40}},
			want:   []float32{10, 40, 90, 160},
		},
	}
}

// absorbRows have two heads of two channels and two tokens, (1 2 3 4) and (0 1 1 0).
func absorbRows() []opRow {
	tokens := []float32{1, 2, 3, 4, 0, 1, 1, 0}
	return []opRow{
		{
			// Rows of W are (1 10) (2 20) (3 30) (4 40). Head 0: 1*1 + 2*2 = 5 and 2; head 1:
			// 3*3 + 4*4 = 25 and 3; halved.
			kind: "absorbkeys",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbKeys{Heads: 2, Scale: 0.5}, in[0], in[1])
			}, graph.Shape{1, 2, 4}, graph.Shape{4, 2}),
			inputs: [][]float32{tokens, {1, 10, 2, 20, 3, 30, 4, 40}},
			want:   []float32{2.5, 25, 1, 10, 12.5, 125, 1.5, 15},
		},
		{
			kind: "absorbkeys", about: "of two pictures with one token",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbKeys{Heads: 2, Scale: 1}, in[0], in[1])
			}, graph.Shape{2, 1, 4}, graph.Shape{4, 1}),
			inputs: [][]float32{tokens, {1, 2, 3, 4}},
			want:   []float32{5, 25, 2, 3},
		},
		{
			kind: "absorbbias",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbBias{Heads: 2, Scale: 0.5}, in[0], in[1])
			}, graph.Shape{1, 2, 4}, graph.Shape{4}),
			inputs: [][]float32{tokens, {1, 2, 3, 4}},
			want:   []float32{2.5, 1, 12.5, 1.5},
		},
		{
			kind: "absorbbias", about: "of two pictures, with a mask",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbBias{Heads: 2, Scale: 1}, in[0], in[1], in[2])
			}, graph.Shape{2, 1, 4}, graph.Shape{4}, graph.Shape{2, 1}),
			inputs: [][]float32{tokens, {1, 2, 3, 4}, {100, 200}},
			want:   []float32{105, 125, 202, 203},
		},
		{
			// The transpose of the weight above, and no scale.
			kind: "absorbvalues",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbValues{Heads: 2}, in[0], in[1])
			},
				graph.Shape{1, 2, 4}, graph.Shape{2, 4}),
			inputs: [][]float32{tokens, {1, 2, 3, 4, 10, 20, 30, 40}},
			want:   []float32{5, 50, 2, 20, 25, 250, 3, 30},
		},
		{
			// Rows of head 0: (1 2) (3 4), of head 1: (5 6) (7 8). Head 0 is projected by (1 0)
			// and (0 1), head 1 by (1 1) and (1 -1).
			kind: "headlinear",
			record: of(func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.HeadLinear{Heads: 2}, in[0], in[1], in[2])
			},
				graph.Shape{1, 4, 2}, graph.Shape{4, 2}, graph.Shape{4}),
			inputs: [][]float32{{1, 2, 3, 4, 5, 6, 7, 8}, {1, 0, 0, 1, 1, 1, 1, -1}, {10, 20, 30, 40}},
			want:   []float32{11, 22, 41, 39, 13, 24, 45, 39},
		},
	}
}
