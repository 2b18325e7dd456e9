package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// pointwise bounds operations of a few roundings, the largest on the way being of the
// order of the operands.
var pointwise = bound{each: 4 * ulp, rms: 2 * ulp, l2: 2 * ulp}

func geluCases() []opCase {
	sized := func(name string, f fill, card bool, shape ...int) opCase {
		return opCase{op: "gelu", name: name, bound: pointwise, fill: f, card: card,
			record: func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(shape...))) }}
	}
	return []opCase{
		sized("one", nil, false, 1),
		sized("not of fours", sweep(6), true, 3, 7, 11),
		sized("tile - 1", sweep(6), false, 4*(8*4-1)),
		sized("tile", sweep(6), false, 4*8*4),
		sized("tile + 1", sweep(6), false, 4*(8*4+1)),
		sized("hidden", sweep(6), true, 49, 384),
		sized("NaN and infinity", spoiled("x"), true, 1000),
	}
}

// sweep runs from -to to to in equal steps.
func sweep(to float64) fill {
	return func(_ *rand.Rand, _ string, data []float32) {
		for i := range data {
			data[i] = float32(to * (2*float64(i)/max(float64(len(data)-1), 1) - 1))
		}
	}
}

// TestGELUError holds the shader to what include/gelu.glsl says of it, alone and as the
// epilogue of a product, out to the tails.
func TestGELUError(t *testing.T) {
	d := device(t)
	const n = 96 * 512
	alone := build(t, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(n))) })
	joined := build(t, func(b *graph.Builder) {
		x := b.In("x").Input(n/96, 96)
		b.Output(b.In("z").GELU(b.In("y").Linear(x, 96, graph.NoBias)))
	})
	for name, g := range map[string]*graph.Graph{"alone": alone, "epilogue": joined} {
		for _, to := range []float64{6, 12, 100} {
			s := tensors{func(rng *rand.Rand, path string, data []float32) {
				if path == "x" {
					sweep(to)(rng, path, data)
				} else {
					identity(rng, path, data)
				}
			}, seed}
			p := compile(t, d, g, s, vulkan.Options{})
			x := s.inputs(g)[0]
			worst, at := 0.0, 0
			for i, y := range run(t, p, x)[0] {
				v := float64(x[i])
				off := math.Abs(float64(y)-v*math.Erfc(-v/math.Sqrt2)/2) / max(1, math.Abs(v))
				if !(off <= worst) {
					worst, at = off, i
				}
			}
			if !(worst <= 2e-7) {
				t.Errorf("%s: GELU(%v) is off by %.3g of max(1, |x|), at most 2e-7 is promised", name, x[at], worst)
			}
		}
	}
}
