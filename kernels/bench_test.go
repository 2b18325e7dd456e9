package kernels_test

import (
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/vulkan"
)

// unchecked opens the device without validation, which is slow.
func unchecked(b *testing.B) *engine.Device {
	o := options()
	o.Validation = false
	d, err := engine.Open(o)
	need(b, err)
	closing(b, d)
	return d
}

// timed runs a graph b.N times and reports what its dispatches compute and move, by
// wall time with the copies of inputs and results.
func timed(b *testing.B, record func(b *graph.Builder)) {
	d := unchecked(b)
	g := build(b, record)
	s := tensors{uniform, seed}
	measure(b, compile(b, d, g, s, vulkan.Options{}), s.inputs(g)...)
}

func measure(b *testing.B, p *vulkan.Program, inputs ...[]float32) {
	outputs, in := run(b, p, inputs...), given(inputs) // compiles whatever the driver left for later
	for b.Loop() {
		if err := p.RunInto(b.Context(), outputs, in...); err != nil {
			b.Fatal(err)
		}
	}
	s, seconds := p.Stats(), b.Elapsed().Seconds()/float64(b.N)
	if s.FLOPs > 0 {
		b.ReportMetric(float64(s.FLOPs)/seconds/1e9, "GFLOP/s")
	}
	b.ReportMetric(float64(s.BytesMoved)/seconds/1e9, "GB/s")
}

// The names say the place in Swin-T at 224 x 224 and M x N x K.
func BenchmarkLinear(b *testing.B) {
	for _, c := range []struct {
		name    string
		m, n, k int
	}{
		{"stage0.qkv 3136x288x96", 3136, 288, 96},
		{"stage0.fc1 3136x384x96", 3136, 384, 96},
		{"stage0.fc2 3136x96x384", 3136, 96, 384},
		{"stage0.merge 784x192x384", 784, 192, 384},
		{"stage2.fc1 196x1536x384", 196, 1536, 384},
		{"stage3.qkv 49x2304x768", 49, 2304, 768},
		{"stage3.fc2 49x768x3072", 49, 768, 3072},
	} {
		b.Run(c.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(c.m, c.k), c.n, graph.WithBias)) })
		})
	}
}

func BenchmarkLayerNorm(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape []int
	}{{"stage0 3136x96", []int{3136, 96}}, {"stage3 49x768", []int{49, 768}}} {
		b.Run(c.name, func(b *testing.B) {
			timed(b, func(b *graph.Builder) { b.Output(b.In("y").LayerNorm(b.In("x").Input(c.shape...), 1e-5)) })
		})
	}
}

func BenchmarkSoftmax(b *testing.B) {
	mask := graph.ShiftMask{Height: 56, Width: 56, Size: 7, Shift: 3}
	b.Run("stage0 64x3x49x49", func(b *testing.B) {
		timed(b, func(b *graph.Builder) {
			s := b.In("x").Input(64, 3, 49, 49)
			s = b.In("biased").Add(s, b.In("bias").PositionBias(b.Param("table", 169, 3), 7))
			b.Output(b.In("y").Softmax(b.In("masked").Add(s, b.In("mask").ShiftMask(mask))))
		})
	})
}

func BenchmarkWindowPartition(b *testing.B) {
	b.Run("stage0 56x56x96 shifted", func(b *testing.B) {
		timed(b, func(b *graph.Builder) {
			b.Output(b.In("y").WindowPartition(b.In("r").Roll(b.In("x").Input(1, 56, 56, 96), 3, 3), 7))
		})
	})
}

// The operations that only move tokens, at their places in Swin-T at 224 x 224; those that have none there, at sizes like these.
func BenchmarkMoves(b *testing.B) {
	x := func(b *graph.Builder, shape ...int) graph.Value { return b.In("x").Input(shape...) }
	for _, c := range []struct {
		name   string
		record func(b *graph.Builder) graph.Value
	}{
		{"patches 224x224 by 4", func(b *graph.Builder) graph.Value { return b.In("y").Patches(x(b, 1, 3, 224, 224), 4) }},
		{"pad 54x55x96 to 56x56", func(b *graph.Builder) graph.Value { return b.In("y").Pad(x(b, 1, 54, 55, 96), 56, 56) }},
		{"crop 56x56x96 to 54x55", func(b *graph.Builder) graph.Value { return b.In("y").Crop(x(b, 1, 56, 56, 96), 54, 55) }},
		{"windowreverse 64x49x96", func(b *graph.Builder) graph.Value {
			return b.In("y").WindowReverse(x(b, 64, 49, 96), graph.WindowReverse{Size: 7, Height: 56, Width: 56})
		}},
		{"mergepatches 56x56x96", func(b *graph.Builder) graph.Value { return b.In("y").MergePatches(x(b, 1, 56, 56, 96)) }},
		{"resizeposition 56x56x96 to 50x75", func(b *graph.Builder) graph.Value { return b.In("y").ResizePosition(x(b, 1, 56*56, 96), 50, 75) }},
		{"channelsfirst 28x28x192", func(b *graph.Builder) graph.Value { return b.In("y").ChannelsFirst(x(b, 1, 28, 28, 192)) }},
	} {
		b.Run(c.name, func(b *testing.B) { timed(b, func(b *graph.Builder) { b.Output(c.record(b)) }) })
	}
}

// The products of windowed attention where nothing is joined.
func BenchmarkScores(b *testing.B) {
	b.Run("stage0 64x3x49x49", func(b *testing.B) {
		timed(b, func(b *graph.Builder) {
			b.Output(b.In("y").Scores(b.In("x").Input(64, 49, 288), graph.Scores{Heads: 3, Scale: 0.1767767}))
		})
	})
}

// Attention joined, in shifted windows of the first stage of GLIP-T at 224 and of GLIP-L at 384.
func BenchmarkAttention(b *testing.B) {
	b.Run("64 windows of 7, 3 heads", func(b *testing.B) { timed(b, attended(1, 56, 56, 7, 3, 3, 32)) })
	b.Run("64 windows of 12, 6 heads", func(b *testing.B) { timed(b, attended(1, 96, 96, 12, 6, 6, 32)) })
}

func BenchmarkGELU(b *testing.B) {
	b.Run("stage0 3136x384", func(b *testing.B) {
		timed(b, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(3136, 384))) })
	})
}

// BenchmarkSwinT224 is GLIP-T's backbone on one picture.
func BenchmarkSwinT224(b *testing.B) {
	cfg, err := swin.Preset("tiny", 7, 224)
	if err != nil {
		b.Fatal(err)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
	if err != nil {
		b.Fatal(err)
	}
	p := compile(b, unchecked(b), g, synthetic.Weights{Seed: 7}, vulkan.Options{})
	measure(b, p, synthetic.Input(1, 224, 224, 7))
}
