package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// detectorCases are the operations of graph/op_detector.go.
func detectorCases() []opCase {
	return slices.Concat(convCases(), deformCases(), mapCases(), tokenCases(), headCases(), groundingCases())
}

// convCases have kernels of every size and stride at, below and above the borders of a map, and
// channels at, below and above the sizes of tiles; C is that of x, N that of y.
func convCases() []opCase {
	var list []opCase
	for _, s := range []struct{ b, h, w, c, n, side, stride, pad int }{
		{1, 1, 1, 1, 1, 1, 1, 0}, {1, 1, 1, 3, 5, 3, 1, 1}, {2, 4, 5, 3, 7, 3, 1, 1}, {2, 5, 4, 16, 27, 3, 2, 1},
		{1, 6, 7, 5, 33, 3, 2, 0}, {1, 2, 3, 4, 4, 3, 1, 4}, {2, 5, 5, 17, 31, 1, 1, 0}, {1, 5, 6, 8, 3, 1, 2, 0},
		{1, 5, 6, 8, 3, 1, 1, 1}, {1, 9, 8, 3, 6, 5, 3, 2}, {1, 8, 8, 3, 16, 4, 4, 0}, {1, 7, 6, 2, 3, 2, 1, 1},
		{1, 7, 11, 128, 32, 3, 1, 1}, {1, 13, 21, 48, 27, 3, 1, 1}, {1, 9, 10, 64, 65, 3, 2, 1},
		{2, 15, 21, 128, 40, 3, 1, 1},
	} {
		for _, bias := range []graph.Bias{graph.NoBias, graph.WithBias} {
			list = append(list, opCase{"conv", fmt.Sprint(s, bias), rounded, unary(func(b *graph.Builder, x graph.Value) graph.Value {
				return b.Conv(x, s.n, s.side, graph.Conv{Stride: s.stride, Pad: s.pad}, bias)
			}, s.b, s.h, s.w, s.c)})
		}
	}
	return append(list, opCase{"conv", "weight that a Linear reads too", rounded, func(b *graph.Builder) {
		b.Output(b.In("op").Conv(b.In("x").Input(1, 4, 4, 3), 5, 2, graph.Conv{Stride: 1}, graph.WithBias))
		b.Output(b.In("op").LinearOf(b.In("y").Input(7, 12), b.In("op").Param("weight", 5, 3, 2, 2), graph.NoBias))
	}}, opCase{"conv", "of a map that is moved and normalised", rounded, func(b *graph.Builder) {
		x := b.In("norm").LayerNorm(b.In("x").Input(2, 4, 6, 5), 1e-5)
		b.Output(b.In("op").Conv(b.In("pad").Pad(x, 7, 8), 9, 1, graph.Conv{Stride: 1}, graph.WithBias))
	}})
}

// deformCases have offsets of a position or so and of several, and maps of them that are larger
// than the output.
func deformCases() []opCase {
	var list []opCase
	for _, s := range []struct{ b, h, w, c, n, side, stride, pad, hm, wm int }{
		{1, 1, 1, 1, 1, 1, 1, 0, 1, 1}, {1, 1, 1, 16, 5, 3, 1, 1, 1, 1}, {2, 4, 5, 3, 7, 3, 1, 1, 4, 5},
		{2, 6, 5, 17, 27, 3, 2, 1, 3, 3}, {2, 4, 3, 16, 33, 3, 1, 1, 7, 6}, {1, 4, 3, 15, 4, 3, 1, 1, 8, 6},
		{1, 5, 5, 4, 3, 2, 1, 0, 4, 5}, {1, 7, 11, 32, 32, 3, 1, 1, 13, 21}, {1, 13, 21, 48, 64, 3, 2, 1, 7, 11},
		{2, 15, 21, 128, 40, 3, 1, 1, 25, 42},
	} {
		for _, spread := range []float64{1, 4} {
			list = append(list, opCase{"deformconv", fmt.Sprint(s, spread), rounded, func(b *graph.Builder) {
				om := b.In("spread").Scale(b.In("om").Input(s.b, s.hm, s.wm, 3*s.side*s.side), spread)
				x := b.In("x").Input(s.b, s.h, s.w, s.c)
				b.Output(b.In("op").DeformConv(x, om, s.n, s.side, graph.DeformConv{Stride: s.stride, Pad: s.pad}))
			}})
		}
	}
	return list
}

// mapCases are the other operations on maps, and those on elements and rows.
func mapCases() []opCase {
	var list []opCase
	type op = func(b *graph.Builder, x graph.Value) graph.Value
	add := func(kind string, limit bound, f op, shape ...int) {
		list = append(list, opCase{kind, fmt.Sprint(shape, len(list)), limit, unary(f, shape...)})
	}
	for _, s := range [][]int{{1, 1, 1, 1}, {2, 3, 5, 4}, {1, 9, 8, 16}, {2, 13, 11, 27}, {1, 7, 10, 48}, {1, 40, 30, 64}} {
		c := s[3]
		add("sigmoid", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, c/3*2) }, s...)
		add("relu", exact, func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) }, s...)
		add("hardsigmoid", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.HardSigmoid(x) }, s...)
		add("clamp", exact, func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, 0.75) }, s...)
		add("scale", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.Scale(x, 0.3) }, s...)
		add("normalize", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.Normalize(x, 1e-12) }, s...)
		add("normalize", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.Normalize(x, 5) }, s...)
		add("mulscalar", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.MulScalar(x, b.Param("s", 1)) }, s...)
		add("addscaled", fine, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.AddScaled(x, b.In("y").Input(s...), b.Param("gamma", c))
		}, s...)
		add("globalmean", bound{1e-6, 1e-6}, func(b *graph.Builder, x graph.Value) graph.Value { return b.GlobalMean(x) }, s...)
		for n := range 3 {
			add("weightedmean", fine, func(b *graph.Builder, x graph.Value) graph.Value {
				branches := []graph.Value{x, b.In("gate").Input(s[0], 1)}
				for i := range n {
					branches = append(branches, b.In("y", fmt.Sprint(i)).Input(s...), b.In("gate", fmt.Sprint(i)).Input(s[0], 1))
				}
				return b.WeightedMean(branches...)
			}, s...)
		}
		add("dynamicrelu", fine, func(b *graph.Builder, x graph.Value) graph.Value {
			return b.DynamicReLU(x, b.In("t").Input(s[0], 4*c))
		}, s...)
		if s[1] > 1 { // of one number the variance is 0, and what remains is rounding
			for _, groups := range []int{1, c / 2, c} {
				if c%groups == 0 {
					add("groupnorm", bound{1e-6, 2e-6}, func(b *graph.Builder, x graph.Value) graph.Value {
						return b.GroupNorm(x, graph.GroupNorm{Groups: groups, Eps: 1e-5})
					}, s...)
				}
			}
		}
		for _, to := range [][2]int{{1, 1}, {s[1], s[2]}, {2 * s[1], 2 * s[2]}, {2*s[1] + 1, s[2] + 3}, {s[1]/2 + 1, s[2]/3 + 1}} {
			add("resizenearest", exact, func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeNearest(x, to[0], to[1]) }, s...)
			add("resizebilinear", fine, func(b *graph.Builder, x graph.Value) graph.Value { return b.ResizeBilinear(x, to[0], to[1]) }, s...)
		}
	}
	return list
}

// tokenCases move tokens about.
func tokenCases() []opCase {
	var list []opCase
	add := func(kind, name string, f func(b *graph.Builder)) {
		list = append(list, opCase{kind, name, exact, f})
	}
	for _, batch := range []int{1, 3} {
		for _, c := range []int{1, 16, 27} {
			name := fmt.Sprint(batch, c)
			add("concattokens", name+" given", func(b *graph.Builder) {
				x, y := b.In("x").Input(batch, 2, 3, c), b.In("y").Input(batch, 5, c)
				b.Output(b.In("op").ConcatTokens(x, y, b.In("z").Input(batch, c), x))
			})
			add("concattokens", name+" made", func(b *graph.Builder) {
				x, y := b.In("a").ReLU(b.In("x").Input(batch, 2, 3, c)), b.In("b").ReLU(b.In("y").Input(batch, 5, c))
				both := b.In("op").ConcatTokens(x, y, x)
				b.Output(b.In("c").Scale(both, 2))
				b.Output(y)
				b.Output(b.In("d").ReLU(b.In("again").ConcatTokens(both, b.In("e").Clamp(y, 0.5))))
			})
			add("slicetokens", name, func(b *graph.Builder) {
				x := b.In("a").ReLU(b.In("x").Input(batch, 11, c))
				y := b.In("op").SliceTokens(x, graph.SliceTokens{Begin: 2, Height: 2, Width: 3})
				b.Output(b.In("b").Scale(y, 2))
				b.Output(y)
				b.Output(b.In("all").SliceTokens(x, graph.SliceTokens{Height: 1, Width: 11}))
			})
			add("reshape", name, func(b *graph.Builder) {
				x := b.In("x").Input(batch, 4, c)
				b.Output(b.In("op").Reshape(x, batch*2, 2*c))
				y := b.In("b").ReLU(b.In("again").Reshape(b.In("a").ReLU(x), c, 4, batch))
				b.Output(b.In("join").ConcatTokens(b.In("c").Reshape(y, 1, 4*batch, c), b.In("d").Reshape(x, 1, 4*batch, c)))
			})
			add("embed", name, func(b *graph.Builder) {
				ids := b.In("ids").Scale(b.In("x").Input(batch, 5), 8)
				b.Output(b.In("op").Embed(ids, b.Param("word", 7, c), b.Param("kind", 2, c), b.Param("position", 6, c)))
				list[len(list)-1].bound = fine
			})
		}
	}
	for _, s := range [][]int{{1, 1}, {7, 9}, {3, 64, 65}, {2, 3, 20, 300}, {300, 20}, {1, 2, 1, 129}} {
		add("swaplast", fmt.Sprint(s), func(b *graph.Builder) { b.Output(b.In("op").SwapLast(b.In("x").Input(s...))) })
	}
	for i := range list {
		if list[i].kind == "embed" {
			list[i].bound = fine
		}
	}
	return list
}

// headCases are products of heads: B pictures, h heads of d channels, n rows, m columns. Some
// have more of a right factor than is packed at once, some more channels of rows than lie well.
func headCases() []opCase {
	var list []opCase
	for _, s := range []struct{ b, h, n, m, d int }{
		{1, 1, 1, 1, 1}, {2, 3, 5, 7, 9}, {1, 2, 20, 33, 16}, {2, 1, 15, 32, 64}, {1, 8, 67, 20, 32}, {1, 4, 20, 67, 256},
		{1, 1, 33, 1700, 200}, {1, 2, 6, 3100, 256}, {1, 1, 450, 160, 256}, {1, 1, 450, 1100, 256},
	} {
		b0, h, n, m, d := s.b, s.h, s.n, s.m, s.d
		e, name := h*d, fmt.Sprint(s)
		add := func(kind string, f func(b *graph.Builder)) {
			list = append(list, opCase{kind, name, bound{2e-6, 1e-5}, f})
		}
		add("crossscores", func(b *graph.Builder) {
			q, k := b.In("q").Input(b0, n, e), b.In("k").Input(b0, m, e)
			o := graph.CrossScores{Heads: h, Scale: 0.37}
			b.Output(b.In("op").CrossScores(q, k, o))
			b.Output(b.In("biased").CrossScores(q, k, o, b.Param("bias", b0, m)))
		})
		add("crosscontext", func(b *graph.Builder) {
			p, v := b.In("p").Input(b0, h, n, m), b.In("v").Input(b0, m, e)
			b.Output(b.In("op").CrossContext(p, v, h))
			b.Output(b.In("biased").CrossContext(p, v, h, b.Param("bias", e)))
		})
		if n*m > 5000 {
			continue
		}
		add("absorbkeys", func(b *graph.Builder) {
			o := graph.AbsorbKeys{Heads: h, Scale: 0.37}
			b.Output(b.In("op").Record(o, b.In("k").Input(b0, n, e), b.Param("weight", e, m)))
		})
		add("absorbvalues", func(b *graph.Builder) {
			b.Output(b.In("op").Record(graph.AbsorbValues{Heads: h}, b.In("v").Input(b0, n, e), b.Param("weight", m, e)))
		})
		add("absorbbias", func(b *graph.Builder) {
			k, o := b.In("k").Input(b0, n, e), graph.AbsorbBias{Heads: h, Scale: 0.37}
			b.Output(b.In("op").Record(o, k, b.Param("bias", e)))
			b.Output(b.In("masked").Record(o, k, b.Param("bias", e), b.Param("mask", b0, n)))
		})
		add("headlinear", func(b *graph.Builder) {
			b.Output(b.In("op").Record(graph.HeadLinear{Heads: h}, b.In("x").Input(b0, h*n, m), b.Param("weight", e, m), b.Param("bias", e)))
		})
	}
	return list
}

// groundingCases are what the head says: T tokens, L labels.
func groundingCases() []opCase {
	var list []opCase
	add := func(kind, name string, limit bound, f func(b *graph.Builder)) {
		list = append(list, opCase{kind, name, limit, f})
	}
	for _, s := range []struct{ b, h, w, c, t, d int }{{1, 1, 1, 1, 1, 1}, {2, 4, 5, 16, 20, 33}, {1, 9, 11, 256, 37, 64}} {
		add("tokenlogits", fmt.Sprint(s), rounded, func(b *graph.Builder) {
			x := b.In("x").Input(s.b, s.h, s.w, s.c)
			p, e := b.In("p").Input(s.b, s.t, s.c), b.In("e").Input(s.b, s.t, s.d)
			w := b.In("op")
			b.Output(w.TokenLogits(x, p, e, graph.TokenWeights{
				BiasLang: w.Param("bias_lang", s.d), Bias0: w.Param("bias0", 1), LogScale: w.Param("log_scale", 1),
			}, graph.TokenLogits{Limit: 9}))
		})
	}
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 7, 3, 5}, {1, 300, 20, 4}, {1, 33, 4, 20}} {
		for _, a := range []graph.Aggregate{graph.Mean, graph.Max, graph.Power} {
			add("phrasescores", fmt.Sprint(s, a), fine, func(b *graph.Builder) {
				owned := b.In("owned").ReLU(b.In("o").Input(s[0], s[3], s[2])) // half of it 0
				b.Output(b.In("op").PhraseScores(b.In("z").Input(s[0], s[1], s[2]), owned, graph.PhraseScores{Aggregate: a}))
			})
		}
		for _, o := range []graph.Candidates{
			{Threshold: 0.1, Limit: 1}, {Threshold: 0.1, Limit: 30}, {Threshold: 0, Limit: 700}, {Threshold: 5, Limit: 3},
		} {
			for _, ties := range []bool{false, true} {
				add("candidates", fmt.Sprint(s, o, ties), exact, func(b *graph.Builder) {
					p, z := b.In("p").Input(s[0], s[1], s[3]), b.In("z").Input(s[0], s[1], 1)
					if ties {
						p, z = b.In("pc").Clamp(p, 0.5), b.In("zc").Clamp(z, 0.2)
					}
					b.Output(b.In("op").Candidates(p, z, b.In("d").Input(s[0], s[1], 1, 4), o))
				})
			}
		}
	}
	return list
}

// far is numbers whose mean is much larger than what tells them apart.
func far(r *rand.Rand, i int) float32 { return 1000 + normal(r, i) }

// TestGroupNormFar wants the variance taken about the mean: mean(x²) - mean² has no digits left here.
func TestGroupNormFar(t *testing.T) {
	g := build(t, unary(func(b *graph.Builder, x graph.Value) graph.Value {
		return b.GroupNorm(x, graph.GroupNorm{Groups: 4, Eps: 1e-5})
	}, 2, 17, 19, 28))
	src := tensors{normal}
	x, _ := tensors{far}.Tensor("x", g.Nodes[0].Shape)
	want := oracle(t, g, src, nil, x)
	for _, name := range cpu.Available() {
		got, err := compile(t, g, src, name, cpu.Options{}).Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(name), got[0], want[0], bound{1e-6, 2e-6})
	}
}
