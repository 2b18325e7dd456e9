package cpuref

import "math"

// gelu is x * (1 + erf(x / sqrt 2)) / 2. Erfc(-z) is 1 + erf(z) without the
// cancellation at negative z.
func gelu(y, x tensor) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		in, out := x.data[i*n:][:n], y.data[i*n:][:n]
		for j, v := range in {
			out[j] = float32(float64(v) * math.Erfc(-float64(v)/math.Sqrt2) / 2)
		}
	}}
}
