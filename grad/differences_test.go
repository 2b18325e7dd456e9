package grad_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
)

// noise is number i of a stream, in [-1, 1).
func noise(stream string, i int) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, stream, i)
	v := h.Sum64()
	v ^= v >> 29
	v *= 0xbf58476d1ce4e5b9
	v ^= v >> 32
	return float64(v>>11)/(1<<52) - 1
}

// values are weights and inputs by path: noise, unless they are put here.
type values map[string][]float32

func (v values) Tensor(name string, shape []int) ([]float32, error) {
	if data, ok := v[name]; ok {
		return data, nil
	}
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = float32(noise(name, i))
	}
	v[name] = data
	return data, nil
}

// run computes g on the oracle.
func (v values) run(t *testing.T, g *graph.Graph) [][]float32 {
	t.Helper()
	var inputs [][]float32
	for _, id := range g.Inputs() {
		data, _ := v.Tensor(g.Nodes[id].Path, g.Nodes[id].Shape)
		inputs = append(inputs, data)
	}
	out, err := cpuref.Run(t.Context(), g, v, cpuref.Options{}, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lossOf ends a recording with the sum of every result times a cotangent of noise, at path "loss".
func lossOf(t *testing.T, b *graph.Builder, results ...graph.Value) *graph.Graph {
	t.Helper()
	var sum graph.Value
	for i, r := range results {
		cotangent := b.In("cotangent", i).Input(r.Shape()...)
		one := b.In("part", i).Record(graph.SumTiles{To: graph.Shape{1}}, b.In("times", i).Mul(r, cotangent))
		if i == 0 {
			sum = one
		} else {
			sum = b.In("sum", i).Add(sum, one)
		}
	}
	b.Output(b.In("loss").Scale(sum, 1))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// checked compares the gradients of g's loss with central differences of it, for every input
// and weight but cotangents and those left out.
func checked(t *testing.T, g *graph.Graph, v values, without ...string) {
	t.Helper()
	var paths []string
	for _, id := range slices.Concat(g.Inputs(), g.Params()) {
		if path := g.Nodes[id].Path; len(path) < 9 || path[:9] != "cotangent" {
			if !slices.Contains(without, path) {
				paths = append(paths, path)
			}
		}
	}
	r, err := grad.Reverse(g, "loss", paths...)
	if err != nil {
		t.Fatal(err)
	}
	out := v.run(t, r)
	for i, path := range paths {
		of := v[path]
		for k := 0; k < len(of); k += max(1, len(of)/7) {
			const step = 1.0 / 64
			old := of[k]
			of[k] = old + step
			above := float64(v.run(t, g)[0][0])
			of[k] = old - step
			below := float64(v.run(t, g)[0][0])
			of[k] = old
			got, want := float64(out[i+1][k]), (above-below)/(2*step)
			if !(math.Abs(got-want) <= 2e-3*(1+math.Abs(want))) {
				t.Errorf("%s, element %d of %d: %g, by differences %g", path, k, len(of), got, want)
			}
		}
	}
}

// rule is a small graph of one kind.
type rule struct {
	name   string
	record func(b *graph.Builder) graph.Value
	values values
	// Inputs without a gradient.
	without []string
}

func x(b *graph.Builder, shape ...int) graph.Value { return b.In("x").Input(shape...) }

func input(b *graph.Builder, name string, shape ...int) graph.Value {
	return b.In(name).Input(shape...)
}

func productRules() []rule {
	return []rule{
		{name: "linear", record: func(b *graph.Builder) graph.Value { return b.In("op").Linear(x(b, 2, 3, 5), 4, graph.WithBias) }},
		{name: "conv", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Conv(x(b, 2, 5, 6, 3), 4, 3, graph.Conv{Stride: 2, Pad: 1}, graph.WithBias)
		}},
		{name: "conv of one", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Conv(x(b, 1, 4, 3, 3), 2, 1, graph.Conv{Stride: 1}, graph.NoBias)
		}},
		{name: "deformconv", record: func(b *graph.Builder) graph.Value {
			return b.In("op").DeformConv(x(b, 2, 6, 5, 3), input(b, "om", 2, 6, 5, 27), 4, 3, graph.DeformConv{Stride: 1, Pad: 1})
		}},
		{name: "deformconv that reads offsets of a larger map", record: func(b *graph.Builder) graph.Value {
			return b.In("op").DeformConv(x(b, 2, 4, 4, 2), input(b, "om", 2, 5, 6, 27), 3, 3, graph.DeformConv{Stride: 2, Pad: 1})
		}},
		{name: "scores", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Scores(x(b, 2, 5, 12), graph.Scores{Heads: 2, Scale: 0.7})
		}},
		{name: "context", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Context(input(b, "p", 2, 2, 5, 5), x(b, 2, 5, 12), 2)
		}},
		{name: "attention", record: func(b *graph.Builder) graph.Value {
			qkv := x(b, 2, 5, 12)
			p := b.In("p").Softmax(b.In("s").Scores(qkv, graph.Scores{Heads: 2, Scale: 0.7}))
			return b.In("op").Context(p, qkv, 2)
		}},
		{name: "tokenlogits", record: func(b *graph.Builder) graph.Value {
			w := graph.TokenWeights{BiasLang: input(b, "lang", 6), Bias0: input(b, "zero", 1), LogScale: input(b, "scale", 1)}
			return b.In("op").TokenLogits(x(b, 2, 3, 2, 5), input(b, "p", 2, 4, 5), input(b, "e", 2, 4, 6), w, graph.TokenLogits{Limit: 50000})
		}},
		{name: "tokenlogits that clamp", values: values{"x": slices.Repeat([]float32{3}, 12), "p": slices.Repeat([]float32{1, 1, -2, 5, 0.25, 0.25}, 2)},
			record: func(b *graph.Builder) graph.Value {
				w := graph.TokenWeights{BiasLang: input(b, "lang", 6), Bias0: input(b, "zero", 1), LogScale: input(b, "scale", 1)}
				return b.In("op").TokenLogits(x(b, 2, 3, 2), input(b, "p", 2, 3, 2), input(b, "e", 2, 3, 6), w, graph.TokenLogits{Limit: 4})
			}},
	}
}

func crossRules() []rule {
	k := func(b *graph.Builder) graph.Value { return input(b, "k", 2, 4, 6) }
	return []rule{
		{name: "crossscores", record: func(b *graph.Builder) graph.Value {
			return b.In("op").CrossScores(x(b, 2, 5, 6), k(b), graph.CrossScores{Heads: 3, Scale: 0.6}, input(b, "bias", 2, 4))
		}},
		{name: "crosscontext", record: func(b *graph.Builder) graph.Value {
			return b.In("op").CrossContext(input(b, "p", 2, 3, 5, 4), k(b), 3, input(b, "bias", 6))
		}},
		{name: "absorbkeys", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.AbsorbKeys{Heads: 3, Scale: 0.6}, k(b), input(b, "w", 6, 5))
		}},
		{name: "absorbbias", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.AbsorbBias{Heads: 3, Scale: 0.6}, k(b), input(b, "bias", 6), input(b, "mask", 2, 4))
		}},
		{name: "absorbvalues", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.AbsorbValues{Heads: 3}, k(b), input(b, "w", 5, 6))
		}},
		{name: "headlinear", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.HeadLinear{Heads: 3}, x(b, 2, 12, 5), input(b, "w", 6, 5), input(b, "bias", 6))
		}},
	}
}

func normRules() []rule {
	return []rule{
		{name: "layernorm", record: func(b *graph.Builder) graph.Value { return b.In("op").LayerNorm(x(b, 2, 3, 7), 1e-5) }},
		{name: "groupnorm", record: func(b *graph.Builder) graph.Value {
			return b.In("op").GroupNorm(x(b, 2, 3, 2, 6), graph.GroupNorm{Groups: 3, Eps: 1e-5})
		}},
		{name: "normalize", record: func(b *graph.Builder) graph.Value { return b.In("op").Normalize(x(b, 2, 3, 7), 1e-12) }},
		{name: "normalize of short rows", record: func(b *graph.Builder) graph.Value { return b.In("op").Normalize(x(b, 2, 3, 7), 10) }},
		{name: "softmax", record: func(b *graph.Builder) graph.Value { return b.In("op").Softmax(x(b, 2, 3, 7)) }},
	}
}

func mapRules() []rule {
	return []rule{
		{name: "windowpartition", record: func(b *graph.Builder) graph.Value { return b.In("op").WindowPartition(x(b, 2, 4, 6, 3), 2) }},
		{name: "windowreverse", record: func(b *graph.Builder) graph.Value {
			return b.In("op").WindowReverse(x(b, 12, 4, 3), graph.WindowReverse{Size: 2, Height: 4, Width: 6})
		}},
		{name: "roll", record: func(b *graph.Builder) graph.Value { return b.In("op").Roll(x(b, 2, 4, 5, 3), 1, -2) }},
		{name: "positionbias", record: func(b *graph.Builder) graph.Value { return b.In("op").PositionBias(x(b, 25, 2), 3) }},
		{name: "patches", record: func(b *graph.Builder) graph.Value { return b.In("op").Patches(x(b, 2, 3, 5, 7), 4) }},
		{name: "mergepatches", record: func(b *graph.Builder) graph.Value { return b.In("op").MergePatches(x(b, 2, 5, 4, 3)) }},
		{name: "splitpatches", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.SplitPatches{Size: 2, Height: 5, Width: 4}, x(b, 2, 3, 2, 12))
		}},
		{name: "channelsfirst", record: func(b *graph.Builder) graph.Value { return b.In("op").ChannelsFirst(x(b, 2, 3, 4, 5)) }},
		{name: "pad", record: func(b *graph.Builder) graph.Value { return b.In("op").Pad(x(b, 2, 3, 4, 2), 5, 4) }},
		{name: "crop", record: func(b *graph.Builder) graph.Value { return b.In("op").Crop(x(b, 2, 3, 4, 2), 2, 4) }},
		{name: "resizenearest", record: func(b *graph.Builder) graph.Value { return b.In("op").ResizeNearest(x(b, 2, 3, 4, 2), 5, 9) }},
		{name: "resizebilinear", record: func(b *graph.Builder) graph.Value { return b.In("op").ResizeBilinear(x(b, 2, 3, 4, 2), 5, 9) }},
		{name: "resizebilinear of a line", record: func(b *graph.Builder) graph.Value { return b.In("op").ResizeBilinear(x(b, 1, 1, 2, 2), 1, 5) }},
		{name: "globalmean", record: func(b *graph.Builder) graph.Value { return b.In("op").GlobalMean(x(b, 2, 3, 4, 5)) }},
		{name: "weightedmean", record: func(b *graph.Builder) graph.Value {
			return b.In("op").WeightedMean(x(b, 2, 3, 4, 5), input(b, "gate", 2, 1), input(b, "y", 2, 3, 4, 5), input(b, "gate2", 2, 1))
		}},
	}
}

func listRules() []rule {
	return []rule{
		{name: "embed", values: values{"ids": {3, 1, 1, 4, 2, 3}}, without: []string{"ids"}, record: func(b *graph.Builder) graph.Value {
			return b.In("op").Embed(input(b, "ids", 2, 3), input(b, "word", 6, 5), input(b, "kind", 2, 5), input(b, "position", 4, 5))
		}},
		{name: "concattokens", record: func(b *graph.Builder) graph.Value {
			return b.In("op").ConcatTokens(x(b, 2, 3, 2, 5), input(b, "y", 2, 4, 5), input(b, "z", 2, 5))
		}},
		{name: "slicetokens", record: func(b *graph.Builder) graph.Value {
			x := x(b, 2, 9, 5)
			all := b.In("one").SliceTokens(x, graph.SliceTokens{Begin: 1, Height: 2, Width: 2})
			other := b.In("two").SliceTokens(x, graph.SliceTokens{Begin: 6, Height: 1, Width: 3})
			again := b.In("three").SliceTokens(x, graph.SliceTokens{Begin: 4, Height: 1, Width: 4}) // overlaps
			return b.In("op").ConcatTokens(all, other, again)
		}},
		{name: "reshape", record: func(b *graph.Builder) graph.Value { return b.In("op").Reshape(x(b, 2, 6), 3, 4) }},
		{name: "swaplast", record: func(b *graph.Builder) graph.Value { return b.In("op").SwapLast(x(b, 2, 3, 4)) }},
		{name: "slicechannels", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.SliceChannels{Begin: 1, Count: 3}, x(b, 2, 3, 5))
		}},
		{name: "concatchannels", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.ConcatChannels{}, x(b, 2, 3, 2), input(b, "y", 2, 3, 3))
		}},
	}
}

func pointwiseRules() []rule {
	one := func(name string, f func(b *graph.Builder, x graph.Value) graph.Value) rule {
		// Where no corner lies within a step.
		data := []float32{-5, -3.2, -2.7, -1.3, -0.6, -0.2, 0.3, 0.7, 1.2, 1.8, 2.6, 3.3}
		return rule{name: name, values: values{"x": data}, record: func(b *graph.Builder) graph.Value { return f(b.In("op"), x(b, 2, 6)) }}
	}
	return []rule{
		{name: "add", record: func(b *graph.Builder) graph.Value { return b.In("op").Add(x(b, 2, 4, 6), input(b, "y", 2, 3)) }},
		{name: "add of itself", record: func(b *graph.Builder) graph.Value { x := x(b, 2, 3); return b.In("op").Add(x, x) }},
		{name: "addscaled", record: func(b *graph.Builder) graph.Value {
			return b.In("op").AddScaled(x(b, 2, 3, 4), input(b, "y", 2, 3, 4), input(b, "gamma", 4))
		}},
		{name: "scale", record: func(b *graph.Builder) graph.Value { return b.In("op").Scale(x(b, 2, 3), -1.5) }},
		{name: "mulscalar", record: func(b *graph.Builder) graph.Value { return b.In("op").MulScalar(x(b, 2, 3), input(b, "s", 1)) }},
		{name: "mul", record: func(b *graph.Builder) graph.Value { return b.In("op").Mul(x(b, 2, 4, 6), input(b, "y", 2, 3)) }},
		{name: "tile", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.Tile{To: graph.Shape{2, 4, 6}}, x(b, 2, 1, 3))
		}},
		{name: "sumtiles", record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.SumTiles{To: graph.Shape{2, 3}}, x(b, 2, 4, 6))
		}},
		{name: "dynamicrelu", record: func(b *graph.Builder) graph.Value {
			return b.In("op").DynamicReLU(x(b, 2, 3, 2, 4), input(b, "t", 2, 16))
		}},
		one("exp", func(b *graph.Builder, x graph.Value) graph.Value {
			return b.Record(graph.Exp{}, b.In("small").Scale(x, 0.25))
		}),
		one("gelu", func(b *graph.Builder, x graph.Value) graph.Value { return b.GELU(x) }),
		one("relu", func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) }),
		one("sigmoid", func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, 2) }),
		one("hardsigmoid", func(b *graph.Builder, x graph.Value) graph.Value { return b.HardSigmoid(x) }),
		one("clamp", func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, 1.5) }),
	}
}

func lossRules() []rule {
	box := func(x, y, w, h float32) []float32 { return []float32{x, y, x + w, y + h} }
	boxes := slices.Concat(box(3, 4, 30, 20), box(-5, 2, 9, 40), box(70, 60, 20, 20), box(0, 0, 4, 4))
	return []rule{
		{name: "tokenfocalloss", without: []string{"matched", "positive", "mask"},
			values: values{"matched": {0, 1, 2, 9}, "positive": {0, 0, 1, 1, 1, 0, 0, 1, 0}, "mask": {1, 1, 0}},
			record: func(b *graph.Builder) graph.Value {
				return b.In("op").Record(graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}, x(b, 1, 4, 3), input(b, "matched", 1, 4), input(b, "positive", 1, 3, 3), input(b, "mask", 1, 3))
			}},
		{name: "giouloss", without: []string{"anchors", "boxes", "weight"},
			values: values{"anchors": slices.Concat(box(0, 0, 31, 31), box(4, 0, 31, 31), box(0, 8, 31, 31), box(1, 2, 3, 3)), "boxes": boxes, "weight": {0.5, 1, 0.25, 0}},
			record: func(b *graph.Builder) graph.Value {
				return b.In("op").Record(graph.GIoULoss{}, x(b, 1, 2, 2, 4), input(b, "anchors", 4, 4), input(b, "boxes", 1, 4, 4), input(b, "weight", 1, 4))
			}},
		{name: "centernessloss", without: []string{"c"}, values: values{"c": {0.5, 0, 0.9, 0.1}}, record: func(b *graph.Builder) graph.Value {
			return b.In("op").Record(graph.CenternessLoss{}, x(b, 1, 2, 2, 1), input(b, "c", 1, 4))
		}},
	}
}

// TestDifferences compares every rule with central differences on the oracle, and wants one
// for each kind that has a rule.
func TestDifferences(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range slices.Concat(productRules(), crossRules(), normRules(), mapRules(), listRules(), pointwiseRules(), lossRules()) {
		t.Run(r.name, func(t *testing.T) {
			b := graph.NewBuilder()
			g := lossOf(t, b, r.record(b))
			for _, n := range g.Nodes {
				seen[graph.Kind(n.Op)] = true
			}
			if r.values == nil {
				r.values = values{}
			}
			checked(t, g, r.values, r.without...)
		})
	}
	for _, op := range graph.Kinds() {
		_, none := grad.Undifferentiated()[graph.Kind(op)]
		if none == seen[graph.Kind(op)] {
			t.Errorf("%q: tested %v, said to have no gradient %v; want one of both", graph.Kind(op), seen[graph.Kind(op)], none)
		}
	}
}
