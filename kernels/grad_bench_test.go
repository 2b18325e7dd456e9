package kernels_test

import (
	"testing"

	"github.com/glipvk/glipvk/graph"
)

// BenchmarkTraining are the products of training beside the forward one of the same size, whose weight is packed: a linear of
// Swin-T's first stage at 320x512, and a convolution of the towers.
func BenchmarkTraining(b *testing.B) {
	rows, wide := graph.Shape{10240, 96}, graph.Shape{10240, 384}
	kernel, om := graph.Conv{Stride: 1, Pad: 1}, graph.Shape{1, 20, 32, 27}
	deform := graph.DeformConv{Stride: 1, Pad: 1}
	in, out, filter := graph.Shape{1, 20, 32, 256}, graph.Shape{1, 20, 32, 256}, graph.Shape{256, 256, 3, 3}
	b.Run("linear packed", func(b *testing.B) {
		timed(b, func(r *graph.Builder) { r.Output(r.In("y").Linear(r.In("x").Input(10240, 96), 384, graph.NoBias)) })
	})
	b.Run("conv packed", func(b *testing.B) {
		timed(b, func(r *graph.Builder) {
			r.Output(r.In("y").Conv(r.In("x").Input(1, 20, 32, 256), 256, 3, kernel, graph.NoBias))
		})
	})
	for _, c := range []opCase{
		recorded(graph.Linear{}, rows, graph.Shape{384, 96}),
		recorded(graph.LinearGradX{}, wide, graph.Shape{384, 96}),
		recorded(graph.LinearGradWeight{Weight: graph.Shape{384, 96}}, wide, rows),
		recorded(kernel, in, filter),
		recorded(graph.ConvGradX{Conv: kernel, Height: 20, Width: 32}, out, filter),
		recorded(graph.ConvGradWeight{Conv: kernel, Size: 3}, out, in),
		recorded(graph.DeformConvGradX{DeformConv: deform, Height: 20, Width: 32}, out, om, filter),
		recorded(graph.DeformConvGradOffset{DeformConv: deform}, out, in, om, filter),
		recorded(graph.DeformConvGradWeight{DeformConv: deform, Size: 3}, out, in, om),
		recorded(graph.HeadLinearGradWeight{Heads: 8}, graph.Shape{1, 256, 2048}, graph.Shape{1, 2048, 256}),
	} {
		b.Run(c.op, func(b *testing.B) { timed(b, c.record) })
	}
}
