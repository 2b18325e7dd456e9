// Package gradrows has operations of training with operands, for the tests of the packages that compute them.
package gradrows

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/glipvk/glipvk/graph"
)

// Row is an operation of training and the shapes of its operands; counters, ids and masks are given.
type Row struct {
	Op    graph.Op
	In    []graph.Shape
	Given map[int][]float32 // by operand
}

// Rows has one for every operation of training at least.
func Rows() []Row {
	x := graph.Shape{2, 5, 6, 32}
	odd := graph.Shape{2, 5, 6, 7}
	conv := graph.Conv{Stride: 2, Pad: 1}
	deform := graph.DeformConv{Stride: 1, Pad: 1}
	return []Row{
		{graph.LinearGradX{}, []graph.Shape{{3, 17, 40}, {40, 33}}, nil},
		{graph.LinearGradX{}, []graph.Shape{{3, 17, 4}, {4, 32, 1, 1}}, nil},
		{graph.LinearGradWeight{Weight: graph.Shape{40, 33}}, []graph.Shape{{3, 170, 40}, {3, 170, 33}}, nil},
		{graph.LinearGradWeight{Weight: graph.Shape{480, 33}}, []graph.Shape{{3, 480}, {3, 33}}, nil},
		{graph.LinearGradWeight{Weight: graph.Shape{96, 64}}, []graph.Shape{{2000, 96}, {2000, 64}}, nil},
		{graph.ConvGradX{Conv: conv, Height: 9, Width: 12}, []graph.Shape{{2, 5, 6, 20}, {20, 32, 3, 3}}, nil},
		{graph.ConvGradX{Conv: graph.Conv{Stride: 1, Pad: 1}, Height: 5, Width: 6}, []graph.Shape{{2, 5, 6, 27}, {27, 7, 3, 3}}, nil},
		{graph.ConvGradWeight{Conv: conv, Size: 3}, []graph.Shape{{2, 5, 6, 20}, {2, 9, 12, 32}}, nil},
		{graph.ConvGradWeight{Conv: graph.Conv{Stride: 1, Pad: 1}, Size: 3}, []graph.Shape{{2, 5, 6, 27}, {2, 5, 6, 7}}, nil},
		{graph.DeformConvGradX{DeformConv: deform, Height: 5, Width: 6}, []graph.Shape{{2, 5, 6, 20}, {2, 5, 6, 27}, {20, 64, 3, 3}}, nil},
		{graph.DeformConvGradX{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}, Height: 9, Width: 11}, []graph.Shape{{2, 5, 6, 20}, {2, 6, 7, 27}, {20, 7, 3, 3}}, nil},
		{graph.DeformConvGradOffset{DeformConv: deform}, []graph.Shape{{2, 5, 6, 20}, {2, 5, 6, 64}, {2, 5, 6, 27}, {20, 64, 3, 3}}, nil},
		{graph.DeformConvGradOffset{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}}, []graph.Shape{{2, 5, 6, 20}, {2, 9, 11, 7}, {2, 6, 7, 27}, {20, 7, 3, 3}}, nil},
		{graph.DeformConvGradWeight{DeformConv: deform, Size: 3}, []graph.Shape{{2, 5, 6, 20}, {2, 5, 6, 64}, {2, 5, 6, 27}}, nil},
		{graph.DeformConvGradWeight{DeformConv: graph.DeformConv{Stride: 2, Pad: 1}, Size: 3}, []graph.Shape{{2, 5, 6, 20}, {2, 9, 11, 7}, {2, 6, 7, 27}}, nil},
		{graph.HeadLinearGradWeight{Heads: 4}, []graph.Shape{{2, 9, 64}, {2, 36, 24}}, nil},
		{graph.LayerNormGradX{Eps: 1e-5}, []graph.Shape{x, x, {32}}, nil},
		{graph.LayerNormGradX{Eps: 1e-5}, []graph.Shape{odd, odd, {7}}, nil},
		{graph.LayerNormGradWeight{Eps: 1e-5}, []graph.Shape{{3000, 32}, {3000, 32}}, nil},
		{graph.GroupNormGradX{GroupNorm: graph.GroupNorm{Groups: 8, Eps: 1e-5}}, []graph.Shape{x, x, {32}}, nil},
		{graph.GroupNormGradWeight{GroupNorm: graph.GroupNorm{Groups: 8, Eps: 1e-5}}, []graph.Shape{x, x}, nil},
		{graph.NormalizeGradX{Eps: 1e-12}, []graph.Shape{x, x}, nil},
		{graph.NormalizeGradX{Eps: 20}, []graph.Shape{x, x}, nil},
		{graph.SoftmaxGradX{}, []graph.Shape{x, x}, nil},
		{graph.PositionBiasGradTable{Window: 3}, []graph.Shape{{4, 9, 9}}, nil},
		{graph.SplitPatches{Size: 2, Height: 9, Width: 12}, []graph.Shape{{2, 5, 6, 32}}, nil},
		{graph.ResizeNearestGradX{Height: 3, Width: 4}, []graph.Shape{{2, 5, 9, 7}}, nil},
		{graph.ResizeNearestGradX{Height: 7, Width: 11}, []graph.Shape{{2, 5, 9, 7}}, nil},
		{graph.ResizeBilinearGradX{Height: 3, Width: 4}, []graph.Shape{{2, 5, 9, 7}}, nil},
		{graph.ResizeBilinearGradX{Height: 1, Width: 1}, []graph.Shape{{2, 5, 1, 7}}, nil},
		{graph.EmbedGradWord{Rows: 9}, []graph.Shape{{2, 6, 35}, {2, 6}}, map[int][]float32{1: {3, 0, 1, 12, 3, -4, 8, 3, 1, 2, 0, float32(math.NaN())}}},
		{graph.SliceChannels{Begin: 3, Count: 11}, []graph.Shape{x}, nil},
		{graph.ConcatChannels{}, []graph.Shape{{2, 3, 5}, {2, 3, 1}, {2, 3, 32}}, nil},
		{graph.Mul{}, []graph.Shape{{4, 6, 10}, {2, 3, 5}}, nil},
		{graph.Mul{}, []graph.Shape{x, {2, 1, 1, 1}}, nil},
		{graph.Tile{To: graph.Shape{4, 6, 10}}, []graph.Shape{{2, 1, 5}}, nil},
		{graph.SumTiles{To: graph.Shape{32}}, []graph.Shape{{3, 1000, 32}}, nil},
		{graph.SumTiles{To: graph.Shape{1}}, []graph.Shape{{3, 1000, 7}}, nil},
		{graph.SumTiles{To: graph.Shape{2, 1, 1, 5}}, []graph.Shape{{4, 3, 6, 10}}, nil},
		{graph.Fill{To: graph.Shape{3, 5}, Value: 0.25}, nil, nil},
		{graph.Exp{}, []graph.Shape{x}, nil},
		{graph.PackHalves{}, []graph.Shape{x}, nil},
		{graph.PackHalves{}, []graph.Shape{{3, 4}}, map[int][]float32{0: {0, 1, -1, 65504, 65519, 65520, -1e30, 2049, 2051, 0.1, -6.1e-5, 1e-3}}},
		{graph.UnpackHalves{To: graph.Shape{2, 4}}, []graph.Shape{{4}}, map[int][]float32{0: halves(0x3c00, 0xbc00, 0x7bff, 0, 0x0400, 0xd555, 1<<15, 0x3555)}},
		{graph.GELUGradX{}, []graph.Shape{x, x}, nil},
		{graph.GELUGradX{}, []graph.Shape{odd, odd}, nil},
		{graph.ReLUGradX{}, []graph.Shape{x, x}, nil},
		{graph.SigmoidGradX{From: 9}, []graph.Shape{x, x}, nil},
		{graph.SigmoidGradX{From: 5}, []graph.Shape{{3, 7}, {3, 7}}, nil},
		{graph.HardSigmoidGradX{}, []graph.Shape{x, x}, nil},
		{graph.ClampGradX{Limit: 0.5}, []graph.Shape{x, x}, nil},
		{graph.DynamicReLUGradX{}, []graph.Shape{x, x, {2, 128}}, nil},
		{graph.DynamicReLUGradT{}, []graph.Shape{odd, odd, {2, 28}}, nil},
		{graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}, []graph.Shape{{2, 700, 9}, {2, 700}, {2, 4, 9}, {2, 9}}, nil},
		{graph.TokenFocalLossGradX{TokenFocalLoss: graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}}, []graph.Shape{{1}, {2, 700, 9}, {2, 700}, {2, 4, 9}, {2, 9}}, nil},
		{graph.TokenFocalLoss{Alpha: 0.3, Gamma: 1.5}, []graph.Shape{{2, 7, 9}, {2, 7}, {2, 4, 9}, {2, 9}}, nil},
		{graph.GIoULoss{}, []graph.Shape{{2, 30, 4}, {30, 4}, {2, 30, 4}, {2, 30}}, nil},
		{graph.GIoULossGradX{}, []graph.Shape{{1}, {2, 5, 6, 4}, {30, 4}, {2, 30, 4}, {2, 30}}, nil},
		{graph.CenternessLoss{}, []graph.Shape{{2, 30, 1}, {2, 30}}, nil},
		{graph.CenternessLossGradX{}, []graph.Shape{{1}, {2, 5, 6, 1}, {2, 30}}, nil},
		{graph.Keep{To: graph.Shape{3, 500}, Rate: 0.3, Stream: 77}, []graph.Shape{{2}}, map[int][]float32{0: {5, 12345}}},
		{graph.DropBlock{Size: 3}, []graph.Shape{{2, 7, 9, 1}}, map[int][]float32{0: append([]float32{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, make([]float32, 109)...)}},
		{graph.SumSquares{}, []graph.Shape{{3, 1001}}, nil},
		{graph.ClipScale{Limit: 1}, []graph.Shape{{1}}, map[int][]float32{0: {7}}},
		{graph.Moment{Beta: 0.9, Power: 1}, []graph.Shape{x, x, {1}}, nil},
		{graph.Moment{Beta: 0.999, Power: 2}, []graph.Shape{x, x, {1}}, nil},
		{graph.AdamW{Eps: 1e-8}, []graph.Shape{x, x, x, {4}}, map[int][]float32{3: {0.01, 0.05, 0.19, 0.002}}},
		{graph.AdamW{Eps: 1e-8}, []graph.Shape{{5, 7}, {5, 7}, {5, 7}, {4}}, map[int][]float32{3: {0.01, 0.05, 0.19, 0.002}}},
	}
}

// halves are words of two 16-bit floats each.
func halves(bits ...uint32) (words []float32) {
	for i := 0; i < len(bits); i += 2 {
		words = append(words, math.Float32frombits(bits[i]|bits[i+1]<<16))
	}
	return words
}

// Operands of row number i are noise in [-1, 1), or given; what must not be negative is not.
func (r Row) Operands(i int) [][]float32 {
	var list [][]float32
	for k, s := range r.In {
		data := make([]float32, s.Elements())
		for j := range data {
			h := fnv.New64a()
			fmt.Fprint(h, i, k, j)
			v := h.Sum64()
			v ^= v >> 29
			v *= 0xbf58476d1ce4e5b9
			data[j] = float32(float64(v>>11)/(1<<52) - 1)
		}
		list = append(list, data)
	}
	absolute := func(k int, factor float32) {
		for j, v := range list[k] {
			list[k][j] = factor * float32(math.Abs(float64(v)))
		}
	}
	boxes := func(k int) {
		for at := 0; at < len(list[k]); at += 4 {
			b := list[k][at:][:4]
			b[0], b[1] = 20*b[0], 20*b[1]
			b[2], b[3] = b[0]+8+7*b[2], b[1]+8+7*b[3]
		}
	}
	switch r.Op.(type) {
	case graph.AdamW:
		absolute(2, 1)
	case graph.TokenFocalLoss:
		for j := range list[1] {
			list[1][j] = float32(j % 6)
		}
	case graph.TokenFocalLossGradX:
		for j := range list[2] {
			list[2][j] = float32(j % 6)
		}
	case graph.GIoULoss:
		boxes(1)
		boxes(2)
	case graph.GIoULossGradX:
		boxes(2)
		boxes(3)
	}
	for k, data := range r.Given {
		list[k] = data
	}
	return list
}
