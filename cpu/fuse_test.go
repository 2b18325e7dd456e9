package cpu_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// exchange is what positions and tokens tell each other, as rewrite.Absorb writes it: of pictures,
// positions, channels, heads and tokens.
func exchange(s [5]int, shifts, bias bool) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		pictures, positions, c, heads, tokens := s[0], s[1], s[2], s[3], s[4]
		words := heads * tokens
		x, keys, values := b.In("x").Input(pictures, positions, c), b.In("keys").Input(pictures, words, c), b.In("values").Input(pictures, words, c)
		var starts, biases []graph.Value
		if shifts {
			starts = append(starts, b.In("shifts").Input(pictures, words))
		}
		if bias {
			biases = append(biases, b.Param("bias", c))
		}
		z := b.In("clamped").Clamp(b.In("scores").CrossScores(x, keys, graph.CrossScores{Heads: 1, Scale: 1}, starts...), 6)
		p := b.In("softmax_v").Softmax(b.In("split").Reshape(z, pictures, positions, heads, tokens))
		delta := b.In("context").CrossContext(b.In("joined").Reshape(p, pictures, 1, positions, words), values, 1, biases...)
		q := b.In("softmax_l").Softmax(b.In("turned").SwapLast(z))
		b.Output(b.In("context_l").CrossContext(q, x, 1))
		b.Output(b.In("sum").AddScaled(x, delta, b.Param("gamma", c)))
	}
}

// TestFuse compares the joined exchange with the oracle, for one picture and several, sentences of
// any length, blocks of positions that are not full, and numbers that are none.
func TestFuse(t *testing.T) {
	for _, s := range [][5]int{{1, 1, 32, 1, 1}, {1, 250, 64, 2, 5}, {2, 113, 32, 3, 7}, {3, 30, 96, 8, 20}, {1, 40, 32, 8, 256}} {
		for i, how := range [][2]bool{{true, true}, {false, false}} {
			g := build(t, exchange(s, how[0], how[1]))
			src := modest{tensors{normal}}
			inputs := src.inputs(t, g)
			if i == 1 && s[1] > 1 {
				inputs[0][len(inputs[0])/2] = float32(math.NaN())
				inputs[0][len(inputs[0])/5] = float32(math.Inf(1))
			}
			want := oracle(t, g, src, nil, inputs...)
			for _, name := range cpu.Available() {
				for _, o := range []cpu.Options{{Workers: 2}, {NoReuse: true}, {NoFusion: true}} {
					p := compile(t, g, src, name, o)
					got, err := p.Run(t.Context(), inputs...)
					if err != nil {
						t.Fatal(err)
					}
					if n := p.Stats().Dispatches; !o.NoFusion && n != 3 {
						t.Errorf("%v: %d steps, want 3", s, n)
					}
					if n := p.Stats().FLOPs; n != 2*g.Count().MultiplyAdds {
						t.Errorf("%v: %d floating-point operations, the graph counts %d", s, n, 2*g.Count().MultiplyAdds)
					}
					for k := range want {
						same(t, fmt.Sprint(name, s, how, k), got[k], want[k], bound{5e-6, 2e-5})
					}
				}
			}
			all := values(t, g)
			kept := compile(t, g, src, cpu.Best, cpu.Options{Keep: all})
			got, err := kept.Run(t.Context(), inputs...)
			if err != nil {
				t.Fatal(err)
			}
			for k := range want {
				same(t, fmt.Sprint("all kept ", s, how, k), got[k], want[k], bound{5e-6, 2e-5})
			}
			if len(got) != len(want)+len(all) {
				t.Errorf("%d results for %d values", len(got), len(all))
			}
		}
	}
}
