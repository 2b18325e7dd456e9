package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// normed bounds LayerNorm of rows with the given mean and deviation: what matters is the
// rounding of the float32 mean, a few ulp of it, seen against the deviation.
func normed(mean, std float64) bound {
	return bound{each: 4 * ulp, rms: (6 + 4*mean/std) * ulp, l2: (3 + 2*mean/std) * ulp}
}

func layerNormCases() []opCase {
	rows := func(name string, f fill, limit bound, card bool, shape ...int) opCase {
		scaled := func(rng *rand.Rand, path string, data []float32) {
			if strings.HasPrefix(path, "y.") || f == nil { // weight and bias
				uniform(rng, path, data)
				return
			}
			f(rng, path, data)
		}
		return opCase{op: "layernorm", name: fmt.Sprint(name, " ", shape), fill: scaled, bound: limit, card: card, record: func(b *graph.Builder) {
			b.Output(b.In("y").LayerNorm(b.In("x").Input(shape...), 1e-5))
		}}
	}
	equal := func(_ *rand.Rand, _ string, data []float32) {
		for i := range data {
			data[i] = 3
		}
	}
	return []opCase{
		rows("uniform", nil, normed(0, 1), true, 2, 7, 7, 96),
		rows("uniform", nil, normed(0, 1), false, 1, 4),
		rows("uniform", nil, normed(1, 1), true, 9, 3),
		rows("one column", nil, normed(0, 1), false, 5, 1),
		rows("prime", nil, normed(0, 1), false, 17, 101),
		rows("merged", nil, normed(0, 1), false, 16, 1536),
		rows("mean 1000, deviation 1", normal(1000, 1), normed(1000, 1), true, 33, 768),
		rows("mean 1000, deviation 1", normal(1000, 1), normed(1000, 1), false, 8, 97),
		rows("small", normal(0, 0.01), normed(0, 1), true, 64, 96),
		rows("equal", equal, normed(0, 1), false, 3, 96),
		rows("NaN", spoiled("x"), normed(0, 1), true, 21, 96),
	}
}
