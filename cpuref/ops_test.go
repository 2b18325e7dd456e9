package cpuref_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// weightMap is parameters by name.
type weightMap map[string][]float32

func (w weightMap) Tensor(name string, _ []int) ([]float32, error) {
	data, ok := w[name]
	if !ok {
		return nil, fmt.Errorf("no tensor %q", name)
	}
	return data, nil
}

// opRow is one operation on small numbers, with the result worked by hand.
type opRow struct {
	kind    string
	about   string
	record  func(b *graph.Builder) graph.Value
	weights weightMap
	inputs  [][]float32
	want    []float32
	relTol  float64 // 0 for exact
}

// upTo is 0, 1, 2 and so on: an element that lands in the wrong place is seen.
func upTo(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	return x
}

// on records an operation with one input.
func on(op func(b *graph.Builder, x graph.Value) graph.Value, shape ...int) func(*graph.Builder) graph.Value {
	return func(b *graph.Builder) graph.Value { return op(b.In("op"), b.In("x").Input(shape...)) }
}

// TestOps runs every row with one worker and with several.
func TestOps(t *testing.T) {
	rows := slices.Concat(productRows(), pointwiseRows(), indexRows(),
		convRows(), deformRows(), resizeRows(), gateRows(), elementRows(), tokenRows(),
		crossRows(), absorbRows(), groundingRows(), candidateRows(), gradRows())
	for _, r := range rows {
		t.Run(r.kind+" "+r.about, func(t *testing.T) {
			for _, workers := range []int{1, 3} {
				checkRow(t, r, workers)
			}
		})
	}
	// Every operation that there is must have a row, and so an interpreter.
	tested := map[string]bool{}
	for _, r := range rows {
		tested[r.kind] = true
	}
	for _, op := range graph.Kinds() {
		if !tested[graph.Kind(op)] {
			t.Errorf("operation %q has no row worked by hand", graph.Kind(op))
		}
	}
}

func checkRow(t *testing.T, r opRow, workers int) {
	t.Helper()
	b := graph.NewBuilder()
	out := r.record(b)
	b.Output(out)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if kind := graph.Kind(g.Nodes[out.ID()].Op); kind != r.kind {
		t.Fatalf("the row records %q", kind)
	}
	got, err := cpuref.Run(context.Background(), g, r.weights, cpuref.Options{Workers: workers}, r.inputs...)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got[0]) != len(r.want) {
		t.Fatalf("%d outputs, the first of %d elements, want 1 of %d", len(got), len(got[0]), len(r.want))
	}
	for i, want := range r.want {
		g, w := float64(got[0][i]), float64(want)
		same := g == w || math.IsNaN(g) && math.IsNaN(w)
		if near := math.Abs(g-w) <= r.relTol*math.Abs(w); !same && !near {
			t.Errorf("%d workers: element %d is %v, want %v", workers, i, g, want)
		}
	}
}

func productRows() []opRow {
	// Two tokens of q (2 heads of 1), k, v.
	qkv := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	return []opRow{
		{
			// Rows (1 2 3) and (4 5 6) times rows of W, e.g. 1 - 2 + 2*3 + 50 = 55. Five
			// columns are one more than are computed together.
			kind: "linear", about: "with bias",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.Linear(x, 5, graph.WithBias) }, 2, 3),
			weights: weightMap{
				"op.weight": {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, -1, 2},
				"op.bias":   {10, 20, 30, 40, 50},
			},
			inputs: [][]float32{{1, 2, 3, 4, 5, 6}},
			want:   []float32{11, 22, 33, 46, 55, 14, 25, 36, 55, 61},
		},
		{
			// 1e8 + 1 - 1e8 is 1; in float32 it would be 0.
			kind: "linear", about: "sums in float64, weight of a convolution",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.LinearOf(x, b.Param("weight", 1, 3, 1, 1), graph.NoBias)
			}, 1, 1, 3),
			weights: weightMap{"op.weight": {1, 1, 1}},
			inputs:  [][]float32{{1e8, 1, -1e8}},
			want:    []float32{1},
		},
		{
			// Head 0: q = (1 7), k = (3 9); head 1: q = (2 8), k = (4 10); all halved.
			kind: "scores",
			record: on(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Scores(x, graph.Scores{Heads: 2, Scale: 0.5})
			}, 1, 2, 6),
			inputs: [][]float32{qkv},
			want:   []float32{1.5, 4.5, 10.5, 31.5, 4, 10, 16, 40},
		},
		{
			// Head 0: v = (5 11); head 1: v = (6 12). Token 1: (5+11)/2 and 6/4 + 12*3/4.
			kind: "context",
			record: func(b *graph.Builder) graph.Value {
				p := b.In("p").Input(1, 2, 2, 2)
				return b.In("op").Context(p, b.In("qkv").Input(1, 2, 6), 2)
			},
			inputs: [][]float32{{1, 0, 0.5, 0.5, 0, 1, 0.25, 0.75}, qkv},
			want:   []float32{5, 12, 8, 10.5},
		},
	}
}

func pointwiseRows() []opRow {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	layerNorm := func(b *graph.Builder, x graph.Value) graph.Value { return b.LayerNorm(x, 1) }
	softmax := func(b *graph.Builder, x graph.Value) graph.Value { return b.Softmax(x) }
	ln2, ln3 := float32(math.Ln2), float32(math.Log(3))
	return []opRow{
		{
			// (1 2 3 4): mean 2.5, variance 5/4, root of 5/4 + 1 is 3/2: (-1 -1/3 1/3 1)
			// times (2 3 3 4) plus (10 0 0 1). A variance of 5/3 would give others.
			kind: "layernorm", record: on(layerNorm, 1, 4),
			weights: weightMap{"op.weight": {2, 3, 3, 4}, "op.bias": {10, 0, 0, 1}},
			inputs:  [][]float32{{1, 2, 3, 4}},
			want:    []float32{8, -1, 1, 5},
			relTol:  1e-7,
		},
		{
			// Mean a million, variance 3, root of 3 + 1 is 2; then a row of equal numbers.
			kind: "layernorm", about: "large offset, no spread",
			record:  on(layerNorm, 2, 4),
			weights: weightMap{"op.weight": {1, 1, 1, 1}, "op.bias": {0, 0, 0, 5}},
			inputs:  [][]float32{{999997, 1000001, 1000001, 1000001, 7, 7, 7, 7}},
			want:    []float32{-1.5, 0.5, 0.5, 5.5, 0, 0, 0, 5},
		},
		{
			// x Phi(x), Phi from tables of the normal distribution.
			kind: "gelu", record: on(func(b *graph.Builder, x graph.Value) graph.Value { return b.GELU(x) }, 1, 9),
			inputs: [][]float32{{0, 1, -1, 2, -3, 6, -6, 30, nan}},
			want: []float32{0, 0.841344746, -0.158655254, 1.954499736, -0.004049694,
				5.999999994, -5.919525870e-9, 30, nan},
			relTol: 1e-7,
		},
		{
			// exp of logarithms: 1 + 2 + 3 = 6. An offset of 80 changes nothing, -100 vanishes.
			kind: "softmax", record: on(softmax, 3, 3),
			inputs: [][]float32{{0, ln2, ln3, 80, 80, 80 + ln2, 1000, 900, 1000}},
			want:   []float32{1. / 6, 1. / 3, 1. / 2, 0.25, 0.25, 0.5, 0.5, 3.720076e-44 / 2, 0.5},
			relTol: 4e-6, // 80 + ln 2 is rounded to float32
		},
		{
			kind: "softmax", about: "with NaN and infinities", record: on(softmax, 4, 2),
			inputs: [][]float32{{nan, 1, inf, 1, -inf, -inf, -inf, 3}},
			want:   []float32{nan, nan, nan, nan, nan, nan, 0, 1},
			relTol: 0,
		},
		{
			kind: "add", about: "of equal shapes",
			record: func(b *graph.Builder) graph.Value {
				return b.In("op").Add(b.In("a").Input(2, 2), b.In("b").Input(2, 2))
			},
			inputs: [][]float32{{1, 2, 3, nan}, {10, 20, 30, 40}},
			want:   []float32{11, 22, 33, nan},
		},
		{
			// Groups 0 and 2 are window 0 of two pictures, 1 and 3 window 1; each has two heads.
			kind: "add", about: "of a mask per window",
			record: func(b *graph.Builder) graph.Value {
				return b.In("op").Add(b.In("a").Input(4, 2, 1, 2), b.In("b").Input(2, 1, 1, 2))
			},
			inputs: [][]float32{upTo(16), {100, 200, 300, 400}},
			want: []float32{100, 201, 102, 203, 304, 405, 306, 407,
				108, 209, 110, 211, 312, 413, 314, 415},
		},
		{
			kind: "add", about: "of fewer axes, tiled along the last",
			record: func(b *graph.Builder) graph.Value {
				return b.In("op").Add(b.In("a").Input(1, 2, 4), b.In("b").Input(2, 2))
			},
			inputs: [][]float32{upTo(8), {10, 20, 30, 40}},
			want:   []float32{10, 21, 12, 23, 34, 45, 36, 47},
		},
	}
}
