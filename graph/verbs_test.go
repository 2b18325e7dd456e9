package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
)

// verbRow is one verb of the builder on inputs of the given shapes, numbered %0, %1
// and so on, the text of the last line that it records, behind its number and path, and
// its multiply-adds.
type verbRow struct {
	record func(b *graph.Builder, in []graph.Value) graph.Value
	in     []graph.Shape
	text   string
	adds   int64
}

// one is a verb of one operand.
func one(verb func(b *graph.Builder, x graph.Value) graph.Value, x graph.Shape, text string) verbRow {
	return verbRow{func(b *graph.Builder, in []graph.Value) graph.Value { return verb(b, in[0]) }, []graph.Shape{x}, text, 0}
}

func mapVerbs() []verbRow {
	x := graph.Shape{2, 4, 6, 8}
	return []verbRow{
		{ // 2*2*3 positions of 5 filters of 8*9 taps
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Conv(in[0], 5, 3, graph.Conv{Stride: 2, Pad: 1}, graph.NoBias)
			},
			[]graph.Shape{x}, "conv{Stride:2 Pad:1} %0 %1 [2 2 3 5]", 2 * 6 * 5 * 72,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Conv(in[0], 5, 1, graph.Conv{Stride: 1}, graph.WithBias)
			},
			[]graph.Shape{x}, "conv{Stride:1 Pad:0} %0 %1 %2 [2 4 6 5]", 2 * 24 * 5 * 8,
		},
		{ // sampling is no product
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.DeformConv(in[0], in[1], 5, 3, graph.DeformConv{Stride: 1, Pad: 1})
			},
			[]graph.Shape{x, {2, 8, 12, 27}}, "deformconv{Stride:1 Pad:1} %0 %1 %2 %3 [2 4 6 5]", 2 * 24 * 5 * 72,
		},
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, 3) }, x, "sigmoid{From:3} %0 [2 4 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.GroupNorm(x, graph.GroupNorm{Groups: 4, Eps: 1e-5})
		}, x, "groupnorm{Groups:4 Eps:1e-05} %0 %1 %2 [2 4 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeNearest(x, 5, 7) }, x,
			"resizenearest{Height:5 Width:7} %0 [2 5 7 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 5, 7) }, x,
			"resizebilinear{Height:5 Width:7} %0 [2 5 7 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizePosition(x, 5, 7) }, graph.Shape{1, 9, 8},
			"resizeposition{Height:5 Width:7} %0 [1 5 7 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) }, x, "relu %0 [2 4 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.HardSigmoid(x) }, x, "hardsigmoid %0 [2 4 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.GlobalMean(x) }, x, "globalmean %0 [2 8]"),
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.WeightedMean(in...) },
			[]graph.Shape{x, {2, 1}, x, {2, 1}}, "weightedmean %0 %1 %2 %3 [2 4 6 8]", 0,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.DynamicReLU(in[0], in[1]) },
			[]graph.Shape{x, {2, 32}}, "dynamicrelu %0 %1 [2 4 6 8]", 0,
		},
	}
}

func tokenVerbs() []verbRow {
	x := graph.Shape{2, 6, 8}
	return []verbRow{
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.ConcatTokens(in...) },
			[]graph.Shape{x, {2, 4, 6, 8}}, "concattokens %0 %1 [2 30 8]", 0,
		},
		one(func(b *graph.Builder, x graph.Value) graph.Value {
			return b.SliceTokens(x, graph.SliceTokens{Begin: 1, Height: 1, Width: 4})
		}, x, "slicetokens{Begin:1 Height:1 Width:4} %0 [2 1 4 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.Reshape(x, 2, 3, 16) }, x, "reshape{To:[2 3 16]} %0 [2 3 16]"),
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.Embed(in[0], in[1], in[2], in[3]) },
			[]graph.Shape{{2, 6}, {100, 8}, {2, 8}, {9, 8}}, "embed %0 %1 %2 %3 [2 6 8]", 0,
		},
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.SwapLast(x) }, x, "swaplast %0 [2 8 6]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, 50000) }, x, "clamp{Limit:50000} %0 [2 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.Normalize(x, 1e-12) }, x, "normalize{Eps:1e-12} %0 [2 6 8]"),
		one(func(b *graph.Builder, x graph.Value) graph.Value { return b.Scale(x, 0.5) }, x, "scale{Factor:0.5} %0 [2 6 8]"),
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.MulScalar(in[0], in[1]) },
			[]graph.Shape{x, {1}}, "mulscalar %0 %1 [2 6 8]", 0,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value { return b.AddScaled(in[0], in[1], in[2]) },
			[]graph.Shape{x, x, {8}}, "addscaled %0 %1 %2 [2 6 8]", 0,
		},
	}
}

// crossVerbs are products of 2 pictures, 6 queries, 5 keys and 4 heads of 2 channels.
func crossVerbs() []verbRow {
	q, k, p := graph.Shape{2, 6, 8}, graph.Shape{2, 5, 8}, graph.Shape{2, 4, 6, 5}
	scores := func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.CrossScores(in[0], in[1], graph.CrossScores{Heads: 4, Scale: 0.25}, in[2:]...)
	}
	crossed := func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.CrossContext(in[0], in[1], 4, in[2:]...)
	}
	return []verbRow{
		{scores, []graph.Shape{q, k}, "crossscores{Heads:4 Scale:0.25} %0 %1 [2 4 6 5]", 2 * 4 * 30 * 2},
		{scores, []graph.Shape{q, k, {2, 5}}, "crossscores{Heads:4 Scale:0.25} %0 %1 %2 [2 4 6 5]", 2 * 4 * 30 * 2},
		{crossed, []graph.Shape{p, k}, "crosscontext{Heads:4} %0 %1 [2 6 8]", 2 * 6 * 8 * 5},
		{crossed, []graph.Shape{p, k, {8}}, "crosscontext{Heads:4} %0 %1 %2 [2 6 8]", 2 * 6 * 8 * 5},
		{ // 4 heads times 5 tokens, 3 channels, sums over a head's 2
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbKeys{Heads: 4, Scale: 0.25}, in[0], in[1])
			},
			[]graph.Shape{k, {8, 3}}, "absorbkeys{Heads:4 Scale:0.25} %0 %1 [2 20 3]", 2 * 20 * 3 * 2,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbBias{Heads: 4, Scale: 0.25}, in[0], in[1], in[2])
			},
			[]graph.Shape{k, {8}, {2, 5}}, "absorbbias{Heads:4 Scale:0.25} %0 %1 %2 [2 20]", 2 * 20 * 2,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.AbsorbValues{Heads: 4}, in[0], in[1])
			},
			[]graph.Shape{k, {3, 8}}, "absorbvalues{Heads:4} %0 %1 [2 20 3]", 2 * 20 * 3 * 2,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Record(graph.HeadLinear{Heads: 4}, in[0], in[1], in[2])
			},
			[]graph.Shape{{2, 20, 3}, {8, 3}, {8}}, "headlinear{Heads:4} %0 %1 %2 [2 5 8]", 2 * 5 * 8 * 3,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				w := graph.TokenWeights{BiasLang: in[3], Bias0: in[4], LogScale: in[5]}
				return b.TokenLogits(in[0], in[1], in[2], w, graph.TokenLogits{Limit: 50000})
			},
			[]graph.Shape{{2, 3, 2, 8}, k, {2, 5, 12}, {12}, {1}, {1}}, "tokenlogits{Limit:50000} %0 %1 %2 %3 %4 %5 [2 6 5]", 2 * 30 * 8,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.PhraseScores(in[0], in[1], graph.PhraseScores{Aggregate: graph.Max})
			},
			[]graph.Shape{{2, 6, 5}, {2, 3, 5}}, "phrasescores{Aggregate:MAX} %0 %1 [2 6 3]", 0,
		},
		{
			func(b *graph.Builder, in []graph.Value) graph.Value {
				return b.Candidates(in[0], in[1], in[2], graph.Candidates{Threshold: 0.05, Limit: 9})
			},
			[]graph.Shape{{2, 6, 3}, {2, 3, 2, 1}, {2, 3, 2, 4}}, "candidates{Threshold:0.05 Limit:9} %0 %1 %2 [2 9 8]", 0,
		},
	}
}

// TestDetectorVerbs records each operation beyond those of a plain Swin, and wants it
// printed with all attributes and its products counted.
func TestDetectorVerbs(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(append(mapVerbs(), tokenVerbs()...), crossVerbs()...) {
		b := graph.NewBuilder()
		var in []graph.Value
		for i, shape := range r.in {
			in = append(in, b.In("x", i).Input(shape...))
		}
		v := r.record(b.In("op"), in)
		b.Output(v)
		g, err := b.Build()
		if err != nil {
			t.Errorf("%q: %v", r.text, err)
			continue
		}
		seen[graph.Kind(g.Nodes[v.ID()].Op)] = true
		lines := strings.Split(g.String(), "\n")
		if got, want := lines[v.ID()], fmt.Sprintf("%%%d op = %s", v.ID(), r.text); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
		if got := g.Count().MultiplyAdds; got != r.adds {
			t.Errorf("%q: %d multiply-adds, want %d", r.text, got, r.adds)
		}
	}
	for _, n := range micro(t).Nodes { // whose printed form is compared as a whole
		seen[graph.Kind(n.Op)] = true
	}
	for _, r := range gradrows.Rows() { // which have no verbs
		b := graph.NewBuilder()
		var in []graph.Value
		for i, shape := range r.In {
			in = append(in, b.In("x", i).Input(shape...))
		}
		b.Output(b.In("op").Record(r.Op, in...))
		if _, err := b.Build(); err != nil {
			t.Errorf("%T %v: %v", r.Op, r.In, err)
		}
		seen[graph.Kind(r.Op)] = true
	}
	for _, op := range graph.Kinds() {
		if !seen[graph.Kind(op)] {
			t.Errorf("no row records %q", graph.Kind(op))
		}
	}
}

// TestParamTwice asks for a weight again: it is the same node, or an error in another shape.
func TestParamTwice(t *testing.T) {
	b := graph.NewBuilder()
	s := b.In("shared")
	w := s.Param("weight", 2, 3)
	x := b.In("x").Input(1, 3)
	y := b.In("y").LinearOf(x, w, graph.NoBias)
	if again := s.Param("weight", 2, 3); again.ID() != w.ID() || !again.Shape().Equal(w.Shape()) {
		t.Errorf("asked for again it is node %d %v, was %d %v", again.ID(), again.Shape(), w.ID(), w.Shape())
	}
	b.Output(y)
	g, err := b.Build()
	if err != nil || len(g.Params()) != 1 || g.Count().Parameters != 6 {
		t.Errorf("graph\n%v error %v", g, err)
	}
	s.Param("weight", 3, 2)
	if _, err := b.Build(); !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), "shared.weight") {
		t.Errorf("in another shape: %v", err)
	}
}
