package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// layerNorm is (x - mean) / sqrt(variance + eps) * weight + bias over the last
// axis. The mean comes first, then the variance about it, divided by C.
func layerNorm(op graph.LayerNorm, y, x, weight, bias tensor) rows {
	c := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		in, out := x.data[i*c:][:c], y.data[i*c:][:c]
		mean := 0.0
		for _, v := range in {
			mean += float64(v)
		}
		mean /= float64(c)
		variance := 0.0
		for _, v := range in {
			d := float64(v) - mean
			variance += d * d
		}
		variance /= float64(c)
		root := math.Sqrt(variance + op.Eps)
		for j, v := range in {
			out[j] = float32((float64(v)-mean)/root*float64(weight.data[j]) + float64(bias.data[j]))
		}
	}}
}
