package cpuref

import "math"

// softmax is exp(x - max) / sum over the last axis. A row with a NaN, with
// +infinity, or of -infinity throughout, becomes NaN.
func softmax(y, x tensor) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		in, out := x.data[i*n:][:n], y.data[i*n:][:n]
		largest := math.Inf(-1)
		for _, v := range in {
			largest = math.Max(largest, float64(v)) // NaN if v is
		}
		exp := make([]float64, n)
		sum := 0.0
		for j, v := range in {
			exp[j] = math.Exp(float64(v) - largest)
			sum += exp[j]
		}
		for j := range out {
			out[j] = float32(exp[j] / sum)
		}
	}}
}
