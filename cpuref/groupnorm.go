package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// groupNorm is (x - mean) / sqrt(variance + eps) * weight + bias over the map and the
// channels of a group: x [B, H, W, C], weight [C], bias [C]. A piece is one group of
// one picture; the mean comes first, then the variance about it, divided by the count.
func groupNorm(op graph.GroupNorm, y, x, weight, bias tensor) rows {
	positions, channels := x.shape[1]*x.shape[2], x.shape[3]
	size := channels / op.Groups
	count := float64(positions * size)
	return rows{x.shape[0] * op.Groups, func(i int) {
		b, first := i/op.Groups, i%op.Groups*size
		start := func(position int) int { return (b*positions+position)*channels + first }
		mean := 0.0
		for p := range positions {
			for _, v := range x.data[start(p):][:size] {
				mean += float64(v)
			}
		}
		mean /= count
		variance := 0.0
		for p := range positions {
			for _, v := range x.data[start(p):][:size] {
				d := float64(v) - mean
				variance += d * d
			}
		}
		root := math.Sqrt(variance/count + op.Eps)
		for p := range positions {
			out := y.data[start(p):][:size]
			for j, v := range x.data[start(p):][:size] {
				out[j] = float32((float64(v)-mean)/root*float64(weight.data[first+j]) + float64(bias.data[first+j]))
			}
		}
	}}
}
