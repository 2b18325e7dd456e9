package cpu_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// TestWrongVariants records operations with a deliberate mistake and wants the comparison with
// the oracle of the right one to see it: else its bounds say nothing.
func TestWrongVariants(t *testing.T) {
	type op = func(b *graph.Builder, x graph.Value) graph.Value
	om := func(b *graph.Builder) graph.Value { return b.In("om").Input(1, 7, 8, 27) }
	deform := func(b *graph.Builder, x, om graph.Value, o graph.DeformConv) graph.Value {
		return b.DeformConv(x, om, 9, 3, o)
	}
	for _, c := range []struct {
		name         string
		right, wrong op
		bound        bound
	}{
		{"conv without padding, shifted",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(x, 9, 3, graph.Conv{Stride: 1, Pad: 1}, graph.NoBias)
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(b.In("pad").Pad(x, 9, 10), 9, 3, graph.Conv{Stride: 1}, graph.NoBias)
			}, rounded},
		{"deformconv with offsets of the output's size cut out",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return deform(b, b.In("x2").Crop(x, 5, 4), om(b), graph.DeformConv{Stride: 1, Pad: 1})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return deform(b, b.In("x2").Crop(x, 5, 4), b.In("cut").Crop(om(b), 5, 4), graph.DeformConv{Stride: 1, Pad: 1})
			}, rounded},
		{"deformconv without masks' sigmoid",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return deform(b, x, b.In("sigmoid").Sigmoid(om(b), 18), graph.DeformConv{Stride: 1, Pad: 1})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return deform(b, x, om(b), graph.DeformConv{Stride: 1, Pad: 1})
			}, rounded},
		{"groupnorm of half the groups",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 4, Eps: 1e-5})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 2, Eps: 1e-5})
			}, bound{1e-6, 2e-6}},
		{"groupnorm with ten times eps",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 4, Eps: 1e-5})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.GroupNorm(x, graph.GroupNorm{Groups: 4, Eps: 1e-4})
			}, bound{1e-6, 2e-6}},
		{"resize one column off",
			func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 13, 15) },
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.In("crop").Crop(b.ResizeBilinear(x, 13, 16), 13, 15)
			}, fine},
		{"nearest for bilinear",
			func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, 13, 15) },
			func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeNearest(x, 13, 15) }, fine},
		{"scores unscaled",
			func(b *graph.Builder, x graph.Value) graph.Value {
				y := b.In("flat").Reshape(x, 1, 56, 8)
				return b.CrossScores(y, y, graph.CrossScores{Heads: 2, Scale: 0.5})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				y := b.In("flat").Reshape(x, 1, 56, 8)
				return b.CrossScores(y, y, graph.CrossScores{Heads: 2, Scale: 1})
			}, bound{2e-6, 1e-5}},
		{"heads of another width",
			func(b *graph.Builder, x graph.Value) graph.Value {
				y := b.In("flat").Reshape(x, 1, 56, 8)
				return b.In("flat2").Reshape(b.CrossScores(y, y, graph.CrossScores{Heads: 2, Scale: 1}), 2, 56, 56)
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				y := b.In("flat").Reshape(x, 1, 56, 8)
				s := b.In("flat2").Reshape(b.CrossScores(y, y, graph.CrossScores{Heads: 4, Scale: 1}), 4, 56, 56)
				return b.In("half").SliceTokens(b.In("rows").Reshape(s, 1, 4*56, 56), graph.SliceTokens{Height: 2, Width: 56})
			}, bound{2e-6, 1e-5}},
		{"the largest token for the mean",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.PhraseScores(b.In("flat").Reshape(x, 1, 56, 8), b.In("owned").Input(1, 3, 8), graph.PhraseScores{})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.PhraseScores(b.In("flat").Reshape(x, 1, 56, 8), b.In("owned").Input(1, 3, 8), graph.PhraseScores{Aggregate: graph.Max})
			}, fine},
		{"the mean for the geometric mean",
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.PhraseScores(b.In("flat").Reshape(x, 1, 56, 8), b.In("owned").Input(1, 3, 8), graph.PhraseScores{Aggregate: graph.Power})
			},
			func(b *graph.Builder, x graph.Value) graph.Value {
				return b.PhraseScores(b.In("flat").Reshape(x, 1, 56, 8), b.In("owned").Input(1, 3, 8), graph.PhraseScores{})
			}, fine},
		{"relu for dynamic relu",
			func(b *graph.Builder, x graph.Value) graph.Value { return b.DynamicReLU(x, b.In("t").Input(1, 32)) },
			func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) }, fine},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := tensors{normal}
			record := func(f op) *graph.Graph {
				return build(t, func(b *graph.Builder) { b.Output(f(b.In("op"), b.In("x").Input(1, 7, 8, 8))) })
			}
			right, wrong := record(c.right), record(c.wrong)
			want := oracle(t, right, src, nil, src.inputs(t, right)...)[0]
			got := func(g *graph.Graph) []float32 {
				y, err := compile(t, g, src, cpu.Best, cpu.Options{}).Run(t.Context(), src.inputs(t, g)...)
				if err != nil {
					t.Fatal(err)
				}
				return y[0]
			}
			same(t, "right", got(right), want, c.bound)
			if within(got(wrong), want, c.bound) {
				t.Error("the mistake is not seen")
			}
		})
	}
}

// within reports whether two values agree as [same] demands.
func within(got, want []float32, b bound) bool {
	var difference, norm, worst, largest float64
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		difference, norm = difference+d*d, norm+float64(want[i])*float64(want[i])
		worst, largest = max(worst, d), max(largest, math.Abs(float64(want[i])))
	}
	return len(got) == len(want) && math.Sqrt(difference) <= b.l2*math.Sqrt(norm) && worst <= b.worst*largest
}
