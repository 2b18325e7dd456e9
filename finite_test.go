package glipvk

import (
	"math"
	"testing"
)

// TestFinite puts a value that is not finite at every place of short slices.
func TestFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for n := range 20 {
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(i%3-1) * math.MaxFloat32
		}
		if !finite(data) {
			t.Errorf("%v is not finite", data)
		}
		for i := range data {
			was := data[i]
			for _, v := range []float32{nan, inf, -inf} {
				if data[i] = v; finite(data) {
					t.Errorf("%v at %d of %d is finite", v, i, n)
				}
			}
			data[i] = was
		}
	}
}
