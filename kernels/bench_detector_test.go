package kernels_test

import (
	"math/rand/v2"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// benchmarkConv times a convolution on a map of 256 channels.
func benchmarkConv(b *testing.B, c convCase) {
	d := unchecked(b)
	g := build(b, c.record)
	s := tensors{func(rng *rand.Rand, path string, data []float32) {
		offsets(rng, path, data)
		if path == "om" { // as trained: most samples are near their tap
			for i := range data {
				data[i] /= 2
			}
		}
	}, seed}
	measure(b, compile(b, d, g, s, vulkan.Options{}), s.inputs(g)...)
}

// The names say the place in GLIP-T's detector at 800 x 1344, and M x N x K of the product. The
// linear of the same sizes is what a convolution is measured by.
func BenchmarkConv(b *testing.B) {
	b.Run("linear 16800x256x2304", func(b *testing.B) {
		timed(b, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(16800, 2304), 256, graph.WithBias)) })
	})
	for _, c := range []struct {
		name string
		conv convCase
	}{
		{"level0 16800x256x2304", convCase{1, 100, 168, 256, 256, 3, 1, 1, 0, 0, false}},
		{"level0.offset 16800x27x2304", convCase{1, 100, 168, 256, 27, 3, 1, 1, 0, 0, false}},
		{"level1.stride2 4200x256x2304", convCase{1, 100, 168, 256, 256, 3, 2, 1, 0, 0, false}},
		{"level4 77x256x2304", convCase{1, 7, 11, 256, 256, 3, 1, 1, 0, 0, false}},
		{"fpn 16800x256x192", convCase{1, 100, 168, 192, 256, 1, 1, 0, 0, 0, false}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkConv(b, c.conv) })
	}
}

func BenchmarkDeformConv(b *testing.B) {
	for _, c := range []struct {
		name string
		conv convCase
	}{
		{"level0 16800x256x2304", convCase{1, 100, 168, 256, 256, 3, 1, 1, 100, 168, false}},
		{"level1.up 4200x256x2304", convCase{1, 50, 84, 256, 256, 3, 1, 1, 100, 168, false}},
		{"level1.down 4200x256x2304", convCase{1, 100, 168, 256, 256, 3, 2, 1, 50, 84, false}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkConv(b, c.conv) })
	}
}

// The sizes are those of the fusion of 22400 positions of all levels with T tokens in 8 heads
// of 256, with the projections absorbed and without.
func BenchmarkCross(b *testing.B) {
	const s, c, heads = 22400, 256, 8
	for _, t := range []struct {
		name   string
		tokens int
	}{{"T20", 20}, {"T256", 256}} {
		n := heads * t.tokens
		b.Run("scores."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				y := b.In("y").CrossScores(b.In("v").Input(1, s, c), b.In("k").Input(1, n, c), graph.CrossScores{Heads: 1, Scale: 1}, b.In("bias").Input(1, n))
				b.Output(y)
			})
		})
		b.Run("context.positions."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").CrossContext(b.In("p").Input(1, 1, s, n), b.In("u").Input(1, n, c), 1, b.In("bias").Input(c)))
			})
		})
		b.Run("context.tokens."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").CrossContext(b.In("q").Input(1, 1, n, s), b.In("v").Input(1, s, c), 1))
			})
		})
		b.Run("absorbkeys."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").Record(graph.AbsorbKeys{Heads: heads, Scale: 1}, b.In("k").Input(1, t.tokens, heads*c), b.Param("w", heads*c, c)))
			})
		})
		b.Run("absorbbias."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").Record(graph.AbsorbBias{Heads: heads, Scale: 1}, b.In("k").Input(1, t.tokens, heads*c), b.Param("b", heads*c)))
			})
		})
		b.Run("absorbvalues."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").Record(graph.AbsorbValues{Heads: heads}, b.In("v").Input(1, t.tokens, heads*c), b.Param("w", c, heads*c)))
			})
		})
		b.Run("headlinear."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").Record(graph.HeadLinear{Heads: heads}, b.In("x").Input(1, n, c), b.Param("w", heads*c, c), b.Param("b", heads*c)))
			})
		})
		b.Run("logits."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				w := graph.TokenWeights{BiasLang: b.Param("bias_lang", 768), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1)}
				x, p, e := b.In("x").Input(1, s, c), b.In("p").Input(1, t.tokens, c), b.In("e").Input(1, t.tokens, 768)
				b.Output(b.In("y").TokenLogits(x, p, e, w, graph.TokenLogits{Limit: 50000}))
			})
		})
		b.Run("bert."+t.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) {
				b.Output(b.In("y").CrossScores(b.In("q").Input(1, t.tokens, 768), b.In("k").Input(1, t.tokens, 768), graph.CrossScores{Heads: 12, Scale: 0.125}))
			})
		})
	}
}
