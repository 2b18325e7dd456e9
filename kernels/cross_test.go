package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// crossCase are sizes of products between n positions and m tokens of e channels.
type crossCase struct {
	batch, n, m, e, heads int
	bias                  bool
	card                  bool
}

func (c crossCase) String() string {
	return fmt.Sprintf("%dx%d and %d of %d in %d heads, bias %v", c.batch, c.n, c.m, c.e, c.heads, c.bias)
}

// crossShapes have numbers of tokens that are multiples of 4 and that are not, heads of whole and
// of broken vec4s, more of either side than the other.
func crossShapes() []crossCase {
	return []crossCase{
		{1, 7, 5, 8, 2, true, false},
		{2, 9, 20, 32, 1, true, false},
		{1, 130, 33, 64, 4, false, true},
		{2, 33, 70, 24, 8, true, false},
		{2, 6, 3, 10, 5, true, true},
		{1, 1, 1, 4, 1, false, false},
		{3, 5, 300, 64, 2, false, false},
		{1, 300, 136, 256, 1, true, false}, // enough for the uniform shader
		{2, 301, 132, 128, 2, true, false},
		{1, 334, 203, 64, 1, true, false},
		{1, 336, 203, 64, 2, true, false},
		{1, 24, 8202, 32, 1, true, false},
		{1, 26, 8202, 64, 1, true, false}, // a last row that the uniform shader has twice
	}
}

func crossCases() []opCase {
	var list []opCase
	for _, c := range crossShapes() {
		of := func(op string, terms int, record func(b *graph.Builder)) {
			list = append(list, opCase{op: op, name: c.String(), bound: product(terms), card: c.card, record: record})
		}
		bias := func(b *graph.Builder, shape ...int) []graph.Value {
			if !c.bias {
				return nil
			}
			return []graph.Value{b.In("bias").Input(shape...)}
		}
		of("crossscores", c.e/c.heads, func(b *graph.Builder) {
			q, k := b.In("q").Input(c.batch, c.n, c.e), b.In("k").Input(c.batch, c.m, c.e)
			b.Output(b.In("y").CrossScores(q, k, graph.CrossScores{Heads: c.heads, Scale: 0.375}, bias(b, c.batch, c.m)...))
		})
		of("crosscontext", c.m, func(b *graph.Builder) {
			p, v := b.In("p").Input(c.batch, c.heads, c.n, c.m), b.In("v").Input(c.batch, c.m, c.e)
			b.Output(b.In("y").CrossContext(p, v, c.heads, bias(b, c.e)...))
		})
		of("absorbkeys", c.e/c.heads, func(b *graph.Builder) {
			b.Output(b.In("y").Record(graph.AbsorbKeys{Heads: c.heads, Scale: 0.375}, b.In("k").Input(c.batch, c.m, c.e), b.Param("w", c.e, c.n+3)))
		})
		of("absorbbias", c.e/c.heads, func(b *graph.Builder) {
			k, o := b.In("k").Input(c.batch, c.m, c.e), graph.AbsorbBias{Heads: c.heads, Scale: 0.375}
			b.Output(b.In("y").Record(o, append([]graph.Value{k, b.Param("w", c.e)}, bias(b, c.batch, c.m)...)...))
		})
		of("absorbvalues", c.e/c.heads, func(b *graph.Builder) {
			b.Output(b.In("y").Record(graph.AbsorbValues{Heads: c.heads}, b.In("v").Input(c.batch, c.m, c.e), b.Param("w", c.n+3, c.e)))
		})
		of("headlinear", c.n, func(b *graph.Builder) {
			x := b.In("x").Input(c.batch, c.heads*c.m, c.n)
			b.Output(b.In("y").Record(graph.HeadLinear{Heads: c.heads}, x, b.Param("w", c.e, c.n), b.Param("b", c.e)))
		})
		of("tokenlogits", c.e+3*c.e, logits(c, 4))
		temperature := &list[len(list)-1].bound // exp may be off by (3 + 2|x|) ulp, of products that a bias may cancel
		temperature.each, temperature.rms, temperature.l2 = temperature.each+5*ulp, temperature.rms+64*ulp, temperature.l2+64*ulp
	}
	return list
}

// logits of n positions against m tokens of e channels, projected from 3e.
func logits(c crossCase, limit float64) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		x, p, e := b.In("x").Input(c.batch, c.n, c.e), b.In("p").Input(c.batch, c.m, c.e), b.In("e").Input(c.batch, c.m, 3*c.e)
		w := graph.TokenWeights{BiasLang: b.Param("bias_lang", 3*c.e), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1)}
		b.Output(b.In("y").TokenLogits(x, p, e, w, graph.TokenLogits{Limit: limit}))
	}
}

// TestCrossMistakes shows that the bounds mean something.
func TestCrossMistakes(t *testing.T) {
	d := device(t)
	c := crossCase{2, 9, 12, 32, 4, true, false}
	scores := func(heads int, scale float64, bias bool) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			q, k := b.In("q").Input(c.batch, c.n, c.e), b.In("k").Input(c.batch, c.m, c.e)
			var more []graph.Value
			if added := b.In("bias").Input(c.batch, c.m); bias {
				more = append(more, added)
			}
			b.Output(b.In("y").CrossScores(q, k, graph.CrossScores{Heads: heads, Scale: scale}, more...))
		}
	}
	values := func(heads int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			y := b.In("y").Record(graph.AbsorbValues{Heads: heads}, b.In("v").Input(c.batch, c.m, c.e), b.Param("w", c.e, c.e))
			b.Output(y)
		}
	}
	zeroed := func(name string) fill {
		return func(rng *rand.Rand, path string, data []float32) {
			if path != name {
				uniform(rng, path, data)
			}
		}
	}
	for name, m := range map[string]struct {
		right, wrong func(b *graph.Builder)
		fill         fill // of the wrong one
	}{
		"scale after the bias":   {right: scores(1, 0.5, true), wrong: scores(1, 0.25, true)},
		"bias of scores out":     {right: scores(1, 0.5, true), wrong: scores(1, 0.5, false)},
		"half of the channels":   {right: values(4), wrong: values(4), fill: zeroed("w")},
		"no temperature":         {right: logits(c, 50), wrong: logits(c, 50), fill: zeroed("log_scale")},
		"bias of language out":   {right: logits(c, 50), wrong: logits(c, 50), fill: zeroed("bias_lang")},
		"bias of everything out": {right: logits(c, 50), wrong: logits(c, 50), fill: zeroed("bias0")},
		"not clamped":            {right: logits(c, 4), wrong: logits(c, 50)},
	} {
		t.Run(name, func(t *testing.T) {
			s := tensors{uniform, seed}
			right, wrong := build(t, m.right), build(t, m.wrong)
			want := oracle(t, right, s)[0]
			bound := product(4 * c.e)
			if err := bound.check(run(t, compile(t, d, right, s, vulkan.Options{}), s.inputs(right)...)[0], want); err != nil {
				t.Errorf("the right one: %v", err)
			}
			other := s
			if m.fill != nil {
				other.fill = m.fill
			}
			if bound.check(run(t, compile(t, d, wrong, other, vulkan.Options{}), s.inputs(wrong)...)[0], want) == nil {
				t.Error("the mistake passes")
			}
		})
	}
}
