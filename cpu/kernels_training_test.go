package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTrainingKernels compares the kernels of training with plain Go, of which the gradients of all operations are
// compared with the oracle.
func TestTrainingKernels(t *testing.T) {
	plain := portable()
	kinds := map[string]func(k *kernels, x [][]float32, n int) []float32{
		"geluGrad": func(k *kernels, x [][]float32, n int) []float32 { k.geluGrad(x[0], x[1], x[2], n); return x[0] },
		"mulAdd":   func(k *kernels, x [][]float32, n int) []float32 { k.mulAdd(x[0], x[1], x[2], n); return x[0] },
		"adamW": func(k *kernels, x [][]float32, n int) []float32 {
			for i, v := range x[2] {
				x[2][i] = v * v
			}
			k.adamW(x[0], x[1], x[2], x[0], x[1], x[2], x[3], &[9]float32{0.5, 0.9, 0.1, 0.999, 0.001, 0.99, 0.01, 3, 1e-8}, n)
			return append(append(x[0], x[1]...), x[2]...)
		},
		"sumSquares": func(k *kernels, x [][]float32, n int) []float32 { return []float32{float32(k.sumSquares(x[0], n))} },
		"spread": func(k *kernels, x [][]float32, n int) []float32 {
			k.spread(x[0], x[1], x[2], x[3], [4]float32{0.5, -1, 2, 0.25}, x[4], n)
			return append(append(append(x[0], x[1]...), x[2]...), x[3]...)
		},
		"dots": func(k *kernels, x [][]float32, n int) []float32 {
			var y [4]float32
			k.dots(&y, x[0], x[1], x[2], x[3], x[4], n)
			return y[:]
		},
		"layerNormGrad": func(k *kernels, x [][]float32, n int) []float32 {
			n /= 2
			k.layerNormGrad(x[0], n, x[1], n, x[2], n, x[3], 1e-5, 2, n)
			return x[0]
		},
	}
	for name, run := range kinds {
		for _, k := range available() {
			for _, n := range []int{2 * chunk, 4 * chunk, 14 * chunk} {
				operands := func() (x [][]float32) {
					r := rand.New(rand.NewPCG(1, 2))
					for range 5 {
						row := guarded(n)
						copy(row, spotted(r, n))
						x = append(x, row)
					}
					return x
				}
				got, want := run(k, operands(), n), run(plain, operands(), n)
				for i, w := range want {
					if d := math.Abs(float64(got[i]) - float64(w)); !(d <= 2e-5*max(1, math.Abs(float64(w)))) {
						t.Fatalf("%s of %s: element %d of %d is %v, want %v", name, k.name, i, n, got[i], w)
					}
				}
			}
		}
	}
}
