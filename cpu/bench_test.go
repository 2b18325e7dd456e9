package cpu_test

import (
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// benchmark times a graph in every set of instructions, GFLOP/s of its products or GB/s of
// its operands.
func benchmark(b *testing.B, g *graph.Graph) {
	src := tensors{normal}
	for _, name := range cpu.Available() {
		b.Run(string(name), func(b *testing.B) {
			w, err := cpu.Pack(b.Context(), g, src, cpu.PackOptions{Instructions: name})
			if err != nil {
				b.Fatal(err)
			}
			p, err := cpu.Compile(g, w, cpu.Options{})
			if err != nil {
				b.Fatal(err)
			}
			var inputs, results [][]float32
			for _, id := range g.Inputs() {
				x, _ := src.Tensor("x", g.Nodes[id].Shape)
				inputs = append(inputs, x)
			}
			for _, id := range g.Outputs {
				results = append(results, make([]float32, g.Nodes[id].Shape.Elements()))
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := p.RunInto(b.Context(), results, inputs...); err != nil {
					b.Fatal(err)
				}
			}
			s := p.Stats()
			if s.FLOPs > 0 {
				b.ReportMetric(float64(s.FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			} else {
				b.ReportMetric(float64(s.BytesMoved)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			}
		})
	}
}

func record(b *testing.B, f func(b *graph.Builder)) *graph.Graph {
	builder := graph.NewBuilder()
	f(builder)
	g, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	return g
}

// BenchmarkLinear has the products of GLIP-T at 224: M N K.
func BenchmarkLinear(b *testing.B) {
	for _, s := range [][3]int{{3136, 96, 48}, {3136, 288, 96}, {3136, 384, 96}, {3136, 96, 384}, {784, 768, 192}, {196, 1536, 384}, {196, 384, 1536}, {49, 3072, 768}, {49, 768, 3072}, {768, 768, 768}} {
		b.Run(fmt.Sprint(s), func(b *testing.B) {
			benchmark(b, record(b, func(g *graph.Builder) {
				g.Output(g.In("op").Linear(g.In("x").Input(s[0], s[2]), s[1], graph.WithBias))
			}))
		})
	}
}

// BenchmarkAttention has the windows, tokens and heads of GLIP-T's and GLIP-L's stages.
func BenchmarkAttention(b *testing.B) {
	for _, s := range [][3]int{{64, 7, 3}, {4, 7, 12}, {64, 12, 6}, {4, 12, 24}} {
		b.Run(fmt.Sprint(s), func(b *testing.B) {
			benchmark(b, record(b, func(g *graph.Builder) {
				qkv := g.In("qkv").Input(s[0], s[1]*s[1], 3*32*s[2])
				scores := g.In("scores").Scores(qkv, graph.Scores{Heads: s[2], Scale: 0.2})
				g.Output(g.In("context").Context(g.In("softmax").Softmax(scores), qkv, s[2]))
			}))
		})
	}
}

// BenchmarkRows has the operations that are memory's business, on maps of GLIP-T.
func BenchmarkRows(b *testing.B) {
	for name, f := range map[string]func(g *graph.Builder, x graph.Value) graph.Value{
		"gelu":          func(g *graph.Builder, x graph.Value) graph.Value { return g.GELU(x) },
		"layernorm":     func(g *graph.Builder, x graph.Value) graph.Value { return g.LayerNorm(x, 1e-5) },
		"softmax":       func(g *graph.Builder, x graph.Value) graph.Value { return g.Softmax(x) },
		"mergepatches":  func(g *graph.Builder, x graph.Value) graph.Value { return g.MergePatches(x) },
		"channelsfirst": func(g *graph.Builder, x graph.Value) graph.Value { return g.ChannelsFirst(x) },
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, record(b, func(g *graph.Builder) { g.Output(f(g.In("op"), g.In("x").Input(1, 56, 56, 96))) }))
		})
	}
}

// BenchmarkModel is GLIP-T at 224 x 224.
func BenchmarkModel(b *testing.B) {
	cfg, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		b.Fatal(err)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, g)
}

// BenchmarkConv has the convolutions of GLIP-T's head on its first level, 100 x 168 positions at
// 800 x 1344, beside the Linear of the same M N K: what gathering and sampling cost.
func BenchmarkConv(b *testing.B) {
	const h, w, c = 100, 168, 256
	for _, n := range []int{256, 27} {
		for name, f := range map[string]func(g *graph.Builder) graph.Value{
			"linear": func(g *graph.Builder) graph.Value {
				return g.In("op").Linear(g.In("x").Input(h*w, 9*c), n, graph.WithBias)
			},
			"conv": func(g *graph.Builder) graph.Value {
				return g.In("op").Conv(g.In("x").Input(1, h, w, c), n, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias)
			},
			"deformconv": func(g *graph.Builder) graph.Value {
				x, om := g.In("x").Input(1, h, w, c), g.In("om").Input(1, h, w, 27)
				return g.In("op").DeformConv(x, om, n, 3, graph.DeformConv{Stride: 1, Pad: 1})
			},
			"deformconv stride 2": func(g *graph.Builder) graph.Value {
				x, om := g.In("x").Input(1, 2*h, 2*w, c), g.In("om").Input(1, h, w, 27)
				return g.In("op").DeformConv(x, om, n, 3, graph.DeformConv{Stride: 2, Pad: 1})
			},
			"deformconv larger offsets": func(g *graph.Builder) graph.Value {
				x, om := g.In("x").Input(1, h, w, c), g.In("om").Input(1, 2*h, 2*w, 27)
				return g.In("op").DeformConv(x, om, n, 3, graph.DeformConv{Stride: 1, Pad: 1})
			},
		} {
			b.Run(fmt.Sprint(name, n), func(b *testing.B) {
				benchmark(b, record(b, func(g *graph.Builder) { g.Output(f(g)) }))
			})
		}
	}
}

// BenchmarkHead is one layer of GLIP-T's head at 800 x 1344 with 20 tokens, and what it says.
func BenchmarkHead(b *testing.B) {
	h := head{
		levels:   [][2]int{{100, 168}, {50, 84}, {25, 42}, {13, 21}, {7, 11}},
		channels: 256, heads: 8, joint: 2048, tokens: 20, text: 768, labels: 5, clamped: true,
	}
	benchmark(b, record(b, h.record))
}

// BenchmarkCross has the products between the 22400 positions of GLIP-T's maps at 800 x 1344 and
// 8 heads of 20 tokens, and those without the projections absorbed.
func BenchmarkCross(b *testing.B) {
	const s, c, heads, tokens = 22400, 256, 8, 20
	for name, f := range map[string]func(g *graph.Builder) graph.Value{
		"scores": func(g *graph.Builder) graph.Value {
			x, keys := g.In("x").Input(1, s, c), g.In("keys").Input(1, heads*tokens, c)
			return g.In("op").CrossScores(x, keys, graph.CrossScores{Heads: 1, Scale: 1})
		},
		"context of positions": func(g *graph.Builder) graph.Value {
			p, v := g.In("p").Input(1, 1, s, heads*tokens), g.In("v").Input(1, heads*tokens, c)
			return g.In("op").CrossContext(p, v, 1)
		},
		"context of tokens": func(g *graph.Builder) graph.Value {
			p, v := g.In("p").Input(1, 1, heads*tokens, s), g.In("v").Input(1, s, c)
			return g.In("op").CrossContext(p, v, 1)
		},
		"scores of heads": func(g *graph.Builder) graph.Value {
			q, k := g.In("q").Input(1, s, heads*c), g.In("k").Input(1, tokens, heads*c)
			return g.In("op").CrossScores(q, k, graph.CrossScores{Heads: heads, Scale: 1})
		},
		"logits": func(g *graph.Builder) graph.Value {
			x, p, e := g.In("x").Input(1, s, c), g.In("p").Input(1, tokens, c), g.In("e").Input(1, tokens, 768)
			return g.In("op").TokenLogits(x, p, e, graph.TokenWeights{
				BiasLang: g.Param("bias_lang", 768), Bias0: g.Param("bias0", 1), LogScale: g.Param("log_scale", 1),
			}, graph.TokenLogits{Limit: 50000})
		},
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, record(b, func(g *graph.Builder) { g.Output(f(g)) })) })
	}
}

// BenchmarkMaps has the detector's operations that are memory's business, on GLIP-T's first level.
func BenchmarkMaps(b *testing.B) {
	for name, f := range map[string]func(g *graph.Builder, x graph.Value) graph.Value{
		"groupnorm": func(g *graph.Builder, x graph.Value) graph.Value {
			return g.GroupNorm(x, graph.GroupNorm{Groups: 16, Eps: 1e-5})
		},
		"resizebilinear": func(g *graph.Builder, x graph.Value) graph.Value { return g.ResizeBilinear(x, 100, 168) },
		"globalmean":     func(g *graph.Builder, x graph.Value) graph.Value { return g.GlobalMean(x) },
		"sigmoid":        func(g *graph.Builder, x graph.Value) graph.Value { return g.Sigmoid(x, 0) },
		"swaplast":       func(g *graph.Builder, x graph.Value) graph.Value { return g.SwapLast(g.Reshape(x, 1, 100*168, 256)) },
		"dynamicrelu": func(g *graph.Builder, x graph.Value) graph.Value {
			return g.DynamicReLU(x, g.In("t").Input(1, 4*256))
		},
		"weightedmean": func(g *graph.Builder, x graph.Value) graph.Value {
			return g.WeightedMean(x, g.In("a").Input(1, 1), x, g.In("b").Input(1, 1), x, g.In("c").Input(1, 1))
		},
		"candidates": func(g *graph.Builder, x graph.Value) graph.Value {
			p := g.Reshape(x, 1, 100*168, 256)
			z, d := g.In("z").Input(1, 100, 168, 1), g.In("d").Input(1, 100, 168, 4)
			return g.Candidates(p, z, d, graph.Candidates{Threshold: 0.05, Limit: 1000})
		},
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, record(b, func(g *graph.Builder) { g.Output(f(g.In("op"), g.In("x").Input(1, 100, 168, 256))) }))
		})
	}
}
