package cpuref_test

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// alone records an operation of training whose operands are all inputs.
func alone(op graph.Op, shapes ...graph.Shape) func(*graph.Builder) graph.Value {
	return of(func(b *graph.Builder, in []graph.Value) graph.Value { return b.Record(op, in...) }, shapes...)
}

func dims(sizes ...int) graph.Shape { return sizes }

// gradRows are gradients, what they are made of, losses, dice and the optimizer.
func gradRows() []opRow {
	return slices.Concat(productGradRows(), normGradRows(), mapGradRows(), elementGradRows(), lossRows(), diceRows(), optimizerRows())
}

func productGradRows() []opRow {
	conv, deform := graph.Conv{Stride: 1, Pad: 1}, graph.DeformConv{Stride: 1}
	corners := []float32{1, 0, 0, 10} // a gradient at two corners of a map of 2 x 2
	om := []float32{0, 0.25, 0.5, 0, 0, 1}
	return []opRow{
		{kind: "lineargradx", record: alone(graph.LinearGradX{}, dims(1, 2), dims(2, 3)), inputs: [][]float32{{1, 2}, {1, 2, 3, 4, 5, 6}}, want: []float32{9, 12, 15}},
		{kind: "lineargradweight", record: alone(graph.LinearGradWeight{Weight: dims(2, 2)}, dims(3, 2), dims(3, 2)),
			inputs: [][]float32{{1, 0, 0, 1, 1, 1}, {1, 2, 3, 4, 5, 6}}, want: []float32{6, 8, 8, 10}},
		{
			// The kernel's middle comes to lie on the corner: 5 6 / 8 9 for the upper left, 10 times 1 2 / 4 5 for the lower right.
			kind: "convgradx", record: alone(graph.ConvGradX{Conv: conv, Height: 2, Width: 2}, dims(1, 2, 2, 1), dims(1, 1, 3, 3)),
			inputs: [][]float32{corners, upTo(10)[1:]}, want: []float32{15, 26, 48, 59},
		},
		{
			kind: "convgradweight", record: alone(graph.ConvGradWeight{Conv: conv, Size: 3}, dims(1, 2, 2, 1), dims(1, 2, 2, 1)),
			inputs: [][]float32{corners, {1, 2, 3, 4}}, want: []float32{10, 20, 0, 30, 41, 2, 0, 3, 4},
		},
		{
			// Position 0 reads 3/4 of x0 and 1/4 of x1, times 3/2; position 1 reads x1 times 3.
			kind: "deformconvgradx", record: alone(graph.DeformConvGradX{DeformConv: deform, Height: 1, Width: 2}, dims(1, 1, 2, 1), dims(1, 1, 2, 3), dims(1, 1, 1, 1)),
			inputs: [][]float32{{1, 10}, om, {3}}, want: []float32{1.125, 30.375},
		},
		{
			// Of x = (2 6) the first sample is 3: downwards it falls to 0, to the right it grows by 4. At whole numbers the
			// derivative is that to the right, where the map ends.
			kind: "deformconvgradoffset", record: alone(graph.DeformConvGradOffset{DeformConv: deform}, dims(1, 1, 2, 1), dims(1, 1, 2, 1), dims(1, 1, 2, 3), dims(1, 1, 1, 1)),
			inputs: [][]float32{{1, 10}, {2, 6}, om, {3}}, want: []float32{-4.5, 6, 9, -180, -180, 180},
		},
		{
			kind: "deformconvgradweight", record: alone(graph.DeformConvGradWeight{DeformConv: deform, Size: 1}, dims(1, 1, 2, 1), dims(1, 1, 2, 1), dims(1, 1, 2, 3)),
			inputs: [][]float32{{1, 10}, {2, 6}, om}, want: []float32{61.5},
		},
		{kind: "headlineargradweight", record: alone(graph.HeadLinearGradWeight{Heads: 2}, dims(1, 1, 2), dims(1, 2, 2)),
			inputs: [][]float32{{1, 10}, {1, 2, 3, 4}}, want: []float32{1, 2, 30, 40}},
	}
}

// normGradRows have means of 2 and, with eps, deviations of 2: normed, 1 and 3 are -1/2 and 1/2.
func normGradRows() []opRow {
	group := graph.GroupNorm{Groups: 1, Eps: 3}
	return []opRow{
		{
			// u = g * weight = (1 2), of mean 3/2 and of mean 1/4 times the normed values.
			kind: "layernormgradx", record: alone(graph.LayerNormGradX{Eps: 3}, dims(1, 2), dims(1, 2), dims(2)),
			inputs: [][]float32{{1, 1}, {1, 3}, {1, 2}}, want: []float32{-0.1875, 0.1875},
		},
		{kind: "layernormgradweight", record: alone(graph.LayerNormGradWeight{Eps: 3}, dims(2, 2), dims(2, 2)),
			inputs: [][]float32{{1, 2, 3, 4}, {1, 3, 3, 1}}, want: []float32{1, -1}},
		{
			// u = (2 0), of mean 1 and of mean -1/2 times the normed values.
			kind: "groupnormgradx", record: alone(graph.GroupNormGradX{GroupNorm: group}, dims(1, 1, 2, 1), dims(1, 1, 2, 1), dims(1)),
			inputs: [][]float32{{1, 0}, {1, 3}, {2}}, want: []float32{0.375, -0.375},
		},
		{kind: "groupnormgradweight", record: alone(graph.GroupNormGradWeight{GroupNorm: group}, dims(1, 1, 2, 1), dims(1, 1, 2, 1)),
			inputs: [][]float32{{1, 2}, {1, 3}}, want: []float32{0.5}},
		{kind: "normalizegradx", about: "of length 5", record: alone(graph.NormalizeGradX{Eps: 1e-12}, dims(1, 2), dims(1, 2)),
			inputs: [][]float32{{1, 0}, {3, 4}}, want: []float32{0.128, -0.096}, relTol: 1e-6},
		{kind: "normalizegradx", about: "shorter than eps", record: alone(graph.NormalizeGradX{Eps: 8}, dims(1, 2), dims(1, 2)),
			inputs: [][]float32{{1, 2}, {3, 4}}, want: []float32{0.125, 0.25}},
		{kind: "softmaxgradx", record: alone(graph.SoftmaxGradX{}, dims(1, 2), dims(1, 2)),
			inputs: [][]float32{{1, 2}, {0.25, 0.75}}, want: []float32{-0.1875, 0.1875}},
	}
}

func mapGradRows() []opRow {
	return []opRow{
		{
			// Query 0 and key 3 alone are a row up and a column left; four pairs are in one place.
			kind: "positionbiasgradtable", record: alone(graph.PositionBiasGradTable{Window: 2}, dims(1, 4, 4)),
			inputs: [][]float32{upTo(16)}, want: []float32{3, 9, 6, 12, 30, 18, 9, 21, 12},
		},
		{kind: "splitpatches", about: "beyond the map", record: alone(graph.SplitPatches{Size: 2, Height: 1, Width: 3}, dims(1, 1, 2, 4)),
			inputs: [][]float32{upTo(8)}, want: []float32{0, 1, 4}},
		{kind: "resizenearestgradx", record: alone(graph.ResizeNearestGradX{Height: 1, Width: 2}, dims(1, 1, 4, 1)),
			inputs: [][]float32{{1, 2, 3, 4}}, want: []float32{3, 7}},
		{kind: "resizebilineargradx", about: "the middle to both", record: alone(graph.ResizeBilinearGradX{Height: 1, Width: 2}, dims(1, 1, 3, 1)),
			inputs: [][]float32{{1, 2, 3}}, want: []float32{2, 4}},
		{
			// The token of id 0 is padding; id 7 reads the last row.
			kind: "embedgradword", record: alone(graph.EmbedGradWord{Rows: 3}, dims(1, 4, 2), dims(1, 4)),
			inputs: [][]float32{{1, 2, 3, 4, 5, 6, 7, 8}, {2, 0, 2, 7}}, want: []float32{0, 0, 0, 0, 13, 16},
		},
		{kind: "slicechannels", record: alone(graph.SliceChannels{Begin: 1, Count: 2}, dims(2, 3)), inputs: [][]float32{upTo(6)}, want: []float32{1, 2, 4, 5}},
		{kind: "concatchannels", record: alone(graph.ConcatChannels{}, dims(2, 1), dims(2, 2)), inputs: [][]float32{{1, 2}, {3, 4, 5, 6}}, want: []float32{1, 3, 4, 2, 5, 6}},
	}
}

func elementGradRows() []opRow {
	two, four := dims(1, 2), dims(1, 4)
	// Lines 2x and x/2, which meet at 0.
	t := []float32{1, 0.5, 0.75, 0.5}
	return []opRow{
		{kind: "mul", record: alone(graph.Mul{}, dims(2, 2), dims(2)), inputs: [][]float32{{1, 2, 3, 4}, {10, 100}}, want: []float32{10, 200, 30, 400}},
		{kind: "tile", record: alone(graph.Tile{To: dims(2, 2)}, dims(2)), inputs: [][]float32{{1, 2}}, want: []float32{1, 2, 1, 2}},
		{kind: "sumtiles", record: alone(graph.SumTiles{To: dims(2)}, dims(3, 2)), inputs: [][]float32{upTo(6)}, want: []float32{6, 9}},
		{kind: "fill", record: alone(graph.Fill{To: dims(2), Value: 0.25}), want: []float32{0.25, 0.25}},
		{kind: "packhalves", about: "to even, and no further than 65504", record: alone(graph.PackHalves{}, dims(4)), inputs: [][]float32{{2049, 1e9, -0.5, 0x1p-24}}, want: halfWords(0x6800, 0x7bff, 0xb800, 1)},
		{kind: "unpackhalves", record: alone(graph.UnpackHalves{To: dims(2, 2)}, dims(2)), inputs: [][]float32{halfWords(0x6801, 0x7bff, 0xb800, 1)}, want: []float32{2050, 65504, -0.5, 0x1p-24}},
		{kind: "exp", record: alone(graph.Exp{}, two), inputs: [][]float32{{0, 1}}, want: []float32{1, math.E}, relTol: 1e-7},
		{
			// At 1 the normal distribution is 0.8413447 and its density 0.2419707.
			kind: "gelugradx", record: alone(graph.GELUGradX{}, two, two), inputs: [][]float32{{2, 1}, {0, 1}}, want: []float32{1, 1.0833155}, relTol: 1e-6,
		},
		{kind: "relugradx", record: alone(graph.ReLUGradX{}, four, four), inputs: [][]float32{{1, 2, 3, 4}, {-1, 0, 2, inf32}}, want: []float32{0, 0, 3, 4}},
		{kind: "sigmoidgradx", record: alone(graph.SigmoidGradX{From: 1}, two, two), inputs: [][]float32{{5, 2}, {0.5, 0.25}}, want: []float32{5, 0.375}},
		{kind: "hardsigmoidgradx", record: alone(graph.HardSigmoidGradX{}, four, four), inputs: [][]float32{{6, 6, 6, 6}, {-3, 0, 2, 3}}, want: []float32{0, 1, 1, 0}},
		{kind: "clampgradx", record: alone(graph.ClampGradX{Limit: 1}, four, four), inputs: [][]float32{{1, 2, 3, 4}, {-2, -1, 1, 2}}, want: []float32{0, 2, 3, 0}},
		{kind: "dynamicrelugradx", record: alone(graph.DynamicReLUGradX{}, dims(1, 1, 3, 1), dims(1, 1, 3, 1), dims(1, 4)),
			inputs: [][]float32{{1, 10, 100}, {1, -1, 0}, t}, want: []float32{2, 5, 125}},
		{kind: "dynamicrelugradt", record: alone(graph.DynamicReLUGradT{}, dims(1, 1, 3, 1), dims(1, 1, 3, 1), dims(1, 4)),
			inputs: [][]float32{{1, 10, 100}, {1, -1, 0}, t}, want: []float32{2, 51, -20, 60}},
	}
}

var inf32 = float32(math.Inf(1))

func lossRows() []opRow {
	focal := graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}
	logits, matched, positive, mask := []float32{0, 0, 0, 0}, []float32{1, 0}, []float32{0, 0, 1, 0}, []float32{1, 0}
	focals := []graph.Shape{dims(1, 2, 2), dims(1, 2), dims(1, 2, 2), dims(1, 2)}
	// A box of 9 x 9 and one to its right, 2 lower: they share nothing of the 27 x 11 around them.
	anchor, box := []float32{0, 0, 9, 9}, []float32{18, 2, 27, 11}
	boxes := []graph.Shape{dims(1, 1, 4), dims(1, 4), dims(1, 1, 4), dims(1, 1)}
	still := make([]float32, 4)
	one := []graph.Shape{dims(1)}
	return []opRow{
		{
			// At logit 0 a positive token counts 1/4 * 1/4 * ln 2, another three times as much. The second token is none.
			kind: "tokenfocalloss", record: alone(focal, focals...), inputs: [][]float32{logits, matched, positive, mask}, want: []float32{math.Ln2 / 4}, relTol: 1e-6,
		},
		{
			// The derivative of (1-p)² ln p by the logit is (ln 2 + 1/2)/4 at p = 1/2.
			kind: "tokenfocallossgradx", record: alone(graph.TokenFocalLossGradX{TokenFocalLoss: focal}, append(one, focals...)...),
			inputs: [][]float32{{2}, logits, matched, positive, mask}, want: []float32{-(math.Ln2 + 0.5) / 8, 0, 3 * (math.Ln2 + 0.5) / 8, 0}, relTol: 1e-6,
		},
		{
			// 1 - (0 - (297-162)/297), weight 3.
			kind: "giouloss", record: alone(graph.GIoULoss{}, boxes...), inputs: [][]float32{still, anchor, box, {3}}, want: []float32{3 * (2 - 162./297)}, relTol: 1e-6,
		},
		{
			// 2 - u/c: c loses 11 by a step to the right and 27 by one down; width and height grow by 2, u by 18, c by 11 and 27.
			kind: "gioulossgradx", record: alone(graph.GIoULossGradX{}, append(one, boxes...)...), inputs: [][]float32{{1}, still, anchor, box, {1}},
			want: []float32{-162 * 11. / 88209, -162 * 27. / 88209, -18./297 + 162*11./88209, -18./297 + 162*27./88209}, relTol: 1e-5,
		},
		{kind: "centernessloss", record: alone(graph.CenternessLoss{}, dims(1, 2, 1), dims(1, 2)), inputs: [][]float32{{0, 5}, {0.25, 0}}, want: []float32{math.Ln2}, relTol: 1e-6},
		{kind: "centernesslossgradx", record: alone(graph.CenternessLossGradX{}, dims(1), dims(1, 2, 1), dims(1, 2)),
			inputs: [][]float32{{2}, {0, 5}, {0.25, 0}}, want: []float32{0.5, 0}},
	}
}

func diceRows() []opRow {
	mix := func(x uint32) uint32 {
		x ^= x >> 16
		x *= 0x7feb352d
		x ^= x >> 15
		x *= 0x846ca68b
		return x ^ x>>16
	}
	kept := make([]float32, 40)
	for i := range kept {
		if mix(mix(mix(mix(3)^9)^77)^uint32(i))>>8 >= 1<<22 { // a quarter falls
			kept[i] = 4. / 3
		}
	}
	return []opRow{
		{kind: "keep", record: alone(graph.Keep{To: dims(40), Rate: 0.25, Stream: 77}, dims(2)), inputs: [][]float32{{3, 9}}, want: kept},
		{kind: "dropblock", record: alone(graph.DropBlock{Size: 3}, dims(1, 1, 4, 1)), inputs: [][]float32{{0, 1, 0, 0}}, want: []float32{0, 0, 0, 4}},
	}
}

func optimizerRows() []opRow {
	one := dims(1)
	return []opRow{
		{kind: "sumsquares", record: alone(graph.SumSquares{}, dims(3)), inputs: [][]float32{{1, 2, 3}}, want: []float32{14}},
		{kind: "clipscale", about: "longer", record: alone(graph.ClipScale{Limit: 1}, one), inputs: [][]float32{{4}}, want: []float32{0.49999975}, relTol: 1e-7},
		{kind: "clipscale", about: "shorter", record: alone(graph.ClipScale{Limit: 1}, one), inputs: [][]float32{{0.25}}, want: []float32{1}},
		{
			// 3/4 * 8 + 1/4 * (4/2)².
			kind: "moment", record: alone(graph.Moment{Beta: 0.75, Power: 2}, one, one, one), inputs: [][]float32{{8}, {4}, {0.5}}, want: []float32{7},
		},
		{
			// 1 - 5 %, less 0.1 * 1 / (0.4 + 0.1).
			kind: "adamw", record: alone(graph.AdamW{Eps: 0.1}, one, one, one, dims(4)), inputs: [][]float32{{1}, {0.5}, {0.04}, {0.1, 0.5, 0.5, 0.25}},
			want: []float32{0.75}, relTol: 1e-6,
		},
	}
}

// halfWords are words of two 16-bit floats each.
func halfWords(a, b, c, d uint32) []float32 {
	return []float32{math.Float32frombits(a | b<<16), math.Float32frombits(c | d<<16)}
}
