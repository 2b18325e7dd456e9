package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// mistake is an operation done wrong on purpose, under the weights and inputs of the right one.
type mistake struct {
	right, wrong func(b *graph.Builder)
	fill         fill
	bound        bound // under which the right one passes
}

func mistakes() map[string]mistake {
	norm := func(eps float64) func(b *graph.Builder) {
		return func(b *graph.Builder) { b.Output(b.In("y").LayerNorm(b.In("x").Input(16, 96), eps)) }
	}
	roll := func(by int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			x := b.In("r").Roll(b.In("x").Input(1, 14, 14, 8), by, by)
			b.Output(b.In("y").WindowPartition(x, 7))
		}
	}
	attention := func(shift int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			s := b.In("x").Input(4, 2, 49, 49)
			s = b.In("biased").Add(s, b.In("bias").PositionBias(b.Param("table", 169, 2), 7))
			if shift > 0 {
				s = b.In("masked").Add(s, b.In("mask").ShiftMask(graph.ShiftMask{Height: 14, Width: 14, Size: 7, Shift: shift}))
			}
			b.Output(b.In("y").Softmax(s))
		}
	}
	scores := func(scale float64) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			b.Output(b.In("y").Scores(b.In("x").Input(2, 49, 3*64), graph.Scores{Heads: 2, Scale: scale}))
		}
	}
	linear := func(bias graph.Bias) func(b *graph.Builder) {
		return func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(9, 96), 96, bias)) }
	}
	return map[string]mistake{
		"eps times 10":       {norm(1e-5), norm(1e-4), nil, normed(0, 1)},
		"shift plus 1":       {roll(3), roll(4), ramp, bound{}},
		"mask dropped":       {attention(3), attention(0), nil, probabilities(2)},
		"mask shift plus 1":  {attention(3), attention(4), nil, probabilities(2)},
		"scale left out":     {scores(1 / math.Sqrt(32)), scores(1), nil, product(32)},
		"bias of linear out": {linear(graph.WithBias), linear(graph.NoBias), nil, product(96)},
	}
}

// TestMistakesAreRejected shows that the bounds of the tests mean something: each wrong
// operation, run on the device, fails the comparison that the right one passes.
func TestMistakesAreRejected(t *testing.T) {
	d := device(t)
	for name, m := range mistakes() {
		t.Run(name, func(t *testing.T) {
			s := opCase{fill: m.fill}.tensors()
			right, wrong := build(t, m.right), build(t, m.wrong)
			want, in := oracle(t, right, s)[0], s.inputs(right)
			if err := m.bound.check(run(t, compile(t, d, right, s, vulkan.Options{}), in...)[0], want); err != nil {
				t.Errorf("the right one: %v", err)
			}
			if m.bound.check(run(t, compile(t, d, wrong, s, vulkan.Options{}), in...)[0], want) == nil {
				t.Error("the mistake passes")
			}
		})
	}
}

// TestWrongWeightsAreRejected plants mistakes in weights and results: the position bias
// transposed, GELU by tanh, the merge order of Microsoft's code.
func TestWrongWeightsAreRejected(t *testing.T) {
	d := device(t)
	t.Run("bias transposed", func(t *testing.T) {
		g := build(t, mistakes()["mask dropped"].right)
		s := tensors{uniform, seed}
		turned := tensors{func(rng *rand.Rand, path string, data []float32) {
			uniform(rng, path, data)
			if path == "table" { // entry (i, j) becomes entry (j, i)
				for i, j := 0, 168; i < j; i, j = i+1, j-1 {
					for h := range 2 {
						data[2*i+h], data[2*j+h] = data[2*j+h], data[2*i+h]
					}
				}
			}
		}, seed}
		got := run(t, compile(t, d, g, turned, vulkan.Options{}), s.inputs(g)...)
		if probabilities(2).check(got[0], oracle(t, g, s)[0]) == nil {
			t.Error("a transposed bias passes")
		}
	})
	t.Run("tanh", func(t *testing.T) {
		g := build(t, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(1000))) })
		s := tensors{sweep(6), seed}
		tanh := make([]float32, 1000)
		for i, v := range s.inputs(g)[0] {
			x := float64(v)
			tanh[i] = float32(x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))))
		}
		if pointwise.check(run(t, compile(t, d, g, s, vulkan.Options{}), s.inputs(g)...)[0], tanh) == nil {
			t.Error("GELU by tanh passes")
		}
	})
	t.Run("merge order", func(t *testing.T) {
		g := build(t, func(b *graph.Builder) { b.Output(b.In("y").MergePatches(b.In("x").Input(1, 4, 4, 8))) })
		s := tensors{ramp, seed}
		got := run(t, compile(t, d, g, s, vulkan.Options{}), s.inputs(g)...)[0]
		other := make([]float32, len(got)) // channel (2kx + ky)*C + c in place of 4c + 2ky + kx
		for i := range got {
			row, c, k := i/32, i%32/4, i%4
			other[row*32+(k%2*2+k/2)*8+c] = got[i]
		}
		if (bound{}).check(other, oracle(t, g, s)[0]) == nil {
			t.Error("another merge order passes")
		}
	})
}
