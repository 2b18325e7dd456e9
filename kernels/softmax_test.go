package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/glipvk/glipvk/graph"
)

// probabilities bounds softmax of scores that span range: the rounding of x - max is
// carried through exp, half an ulp of the span, and exp itself is good for a few ulp.
func probabilities(span float64) bound {
	return bound{each: (8 + span) * ulp, rms: ulp, l2: (4 + span/2) * ulp}
}

func softmaxCases() []opCase {
	inf := float32(math.Inf(-1))
	rows := func(name string, span float64, f fill, card bool, shape ...int) opCase {
		return opCase{op: "softmax", name: fmt.Sprint(name, " ", shape), fill: f, bound: probabilities(span), card: card,
			record: func(b *graph.Builder) { b.Output(b.In("y").Softmax(b.In("x").Input(shape...))) }}
	}
	pattern := func(f func(row, col int) float32, cols int) fill {
		return func(_ *rand.Rand, _ string, data []float32) {
			for i := range data {
				data[i] = f(i/cols, i%cols)
			}
		}
	}
	return []opCase{
		rows("uniform", 2, nil, true, 6, 3, 49, 49),
		rows("uniform", 2, nil, false, 2, 1, 144, 144),
		rows("one column", 0, nil, false, 5, 1),
		rows("prime", 2, nil, true, 3, 31),
		rows("two", 2, nil, false, 65, 2),
		rows("long", 2, nil, true, 3, 22400),
		rows("tokens", 2, nil, false, 1, 9, 8, 7),
		rows("tokens", 2, nil, true, 1, 9, 8, 255),
		rows("equal", 0, pattern(func(int, int) float32 { return -3 }, 33), false, 9, 33),
		rows("+-80", 160, func(rng *rand.Rand, _ string, data []float32) {
			for i := range data {
				data[i] = 160*rng.Float32() - 80
			}
		}, true, 40, 49),
		rows("row masked by -100", 2, pattern(func(row, col int) float32 { return float32(col%5)/4 - 100 }, 49), false, 4, 49),
		rows("minus infinity", 2, pattern(func(row, col int) float32 {
			if (col+row)%3 != 0 && row%4 != 3 || row == 5 { // row 5 throughout, the first columns of others
				return inf
			}
			return float32(col % 7)
		}, 21), true, 8, 21),
		rows("NaN", 2, spoiled("x"), true, 15, 21),
	}
}
