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
		recorded(graph.LinearGradWeight{Weight: graph.Shape{2048, 256}}, graph.Shape{3412, 2048}, graph.Shape{3412, 256}),
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

// BenchmarkTrainingElements is what else training computes: on the finest map of a tower at 320x512, 40 x 64 of 256
// channels, and on what the losses and the optimizer take.
func BenchmarkTrainingElements(b *testing.B) {
	shape := func(sizes ...int) graph.Shape { return sizes }
	x, c, one := shape(1, 40, 64, 256), shape(256), shape(1)
	half, group := shape(1, 20, 32, 256), graph.GroupNorm{Groups: 16, Eps: 1e-5}
	focal := graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}
	token := []graph.Shape{shape(1, 3400, 256), shape(1, 3400), shape(1, 30, 256), shape(1, 256)}
	boxes := []graph.Shape{shape(1, 3400, 4), shape(3400, 4), shape(1, 3400, 4), shape(1, 3400)}
	center := []graph.Shape{shape(1, 3400, 1), shape(1, 3400)}
	for _, o := range []opCase{
		recorded(graph.LayerNormGradX{Eps: 1e-5}, x, x, c),
		recorded(graph.LayerNormGradWeight{Eps: 1e-5}, x, x),
		recorded(graph.GroupNormGradX{GroupNorm: group}, x, x, c),
		recorded(graph.GroupNormGradWeight{GroupNorm: group}, x, x),
		recorded(graph.NormalizeGradX{Eps: 1e-12}, shape(1, 256, 768), shape(1, 256, 768)),
		recorded(graph.SoftmaxGradX{}, shape(1, 8, 2560, 256), shape(1, 8, 2560, 256)),
		recorded(graph.PositionBiasGradTable{Window: 7}, shape(24, 49, 49)),
		recorded(graph.SplitPatches{Size: 2, Height: 80, Width: 128}, shape(1, 40, 64, 384)),
		recorded(graph.ResizeNearestGradX{Height: 20, Width: 32}, x),
		recorded(graph.ResizeBilinearGradX{Height: 20, Width: 32}, x),
		recorded(graph.EmbedGradWord{Rows: 30522}, shape(1, 256, 768), shape(1, 256)),
		recorded(graph.SliceChannels{Begin: 64, Count: 128}, x),
		recorded(graph.ConcatChannels{}, half, half),
		recorded(graph.Mul{}, x, x),
		recorded(graph.Tile{To: x}, c),
		recorded(graph.SumTiles{To: c}, x),
		recorded(graph.Fill{To: x, Value: 0.5}),
		recorded(graph.Exp{}, x),
		recorded(graph.PackHalves{}, x),
		recorded(graph.UnpackHalves{To: x}, shape(x.Elements()/2)),
		recorded(graph.GELUGradX{}, x, x),
		recorded(graph.ReLUGradX{}, x, x),
		recorded(graph.SigmoidGradX{From: 128}, x, x),
		recorded(graph.HardSigmoidGradX{}, x, x),
		recorded(graph.ClampGradX{Limit: 0.5}, x, x),
		recorded(graph.DynamicReLUGradX{}, x, x, shape(1, 1024)),
		recorded(graph.DynamicReLUGradT{}, x, x, shape(1, 1024)),
		recorded(focal, token...),
		recorded(graph.TokenFocalLossGradX{TokenFocalLoss: focal}, append([]graph.Shape{one}, token...)...),
		recorded(graph.GIoULoss{}, boxes...),
		recorded(graph.GIoULossGradX{}, append([]graph.Shape{one}, boxes...)...),
		recorded(graph.CenternessLoss{}, center...),
		recorded(graph.CenternessLossGradX{}, append([]graph.Shape{one}, center...)...),
		recorded(graph.Keep{To: x, Rate: 0.1}, shape(2)),
		recorded(graph.DropBlock{Size: 3}, shape(1, 40, 64, 1)),
		recorded(graph.SumSquares{}, x),
		recorded(graph.ClipScale{Limit: 1}, one),
		recorded(graph.Moment{Beta: 0.9, Power: 1}, x, x, one),
		recorded(graph.AdamW{Eps: 1e-8}, x, x, x, shape(4)),
	} {
		b.Run(o.op, func(b *testing.B) { timed(b, o.record) })
	}
}
