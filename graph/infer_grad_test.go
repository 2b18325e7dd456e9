package graph

import "math"

// gradientRows are those of training.
func gradientRows() []inferRow {
	rows := append(productGradRows(), normGradRows()...)
	rows = append(append(rows, mapGradRows()...), elementGradRows()...)
	return append(append(rows, lossRows()...), stepRows()...)
}

func productGradRows() []inferRow {
	g, x, w := Shape{2, 4, 6, 5}, Shape{2, 8, 11, 6}, Shape{5, 6, 3, 3} // of stride 2
	conv, deform, om := Conv{2, 1}, DeformConv{2, 1}, Shape{2, 4, 7, 27}
	return []inferRow{
		{LinearGradX{}, []Shape{{3, 7, 4}, {4, 3, 2, 2}}, Shape{3, 7, 12}, ""},
		{LinearGradX{}, []Shape{{7, 5}, {4, 6}}, nil, "operand 2 is [4 6], want [5 k *]"},
		{LinearGradWeight{Shape{4, 3, 2}}, []Shape{{3, 7, 4}, {21, 6}}, Shape{4, 3, 2}, ""},
		{LinearGradWeight{Shape{4, 6}}, []Shape{{3, 7, 4}, {20, 6}}, nil, "as many rows"},
		{LinearGradWeight{Shape{4, 5}}, []Shape{{7, 4}, {7, 6}}, nil, "want [4, 6]"},
		{LinearGradWeight{Shape{4, 0}}, []Shape{{7, 4}, {7, 6}}, nil, "0"},

		{ConvGradX{conv, 8, 11}, []Shape{g, w}, x, ""},
		{ConvGradX{conv, 9, 11}, []Shape{g, w}, nil, "as of a map [2 9 11 6]"},
		{ConvGradX{conv, 0, 11}, []Shape{g, w}, nil, "[2 0 11 6]"},
		{ConvGradX{conv, 8, 11}, []Shape{g, {4, 6, 3, 3}}, nil, "operand 2 is [4 6 3 3], want [5 C k k]"},
		{ConvGradWeight{conv, 3}, []Shape{g, x}, w, ""},
		{ConvGradWeight{conv, 5}, []Shape{g, x}, nil, "as of a map"},
		{ConvGradWeight{conv, 0}, []Shape{g, x}, nil, "kernels of 0"},

		{DeformConvGradX{deform, 8, 11}, []Shape{g, om, w}, x, ""},
		{DeformConvGradX{deform, 8, 11}, []Shape{g, {2, 4, 5, 27}, w}, nil, "as many positions"},
		{DeformConvGradX{deform, 9, 11}, []Shape{g, om, w}, nil, "as of a map"},
		{DeformConvGradOffset{deform}, []Shape{g, x, om, w}, om, ""},
		{DeformConvGradOffset{deform}, []Shape{g, x, {2, 4, 7, 18}, w}, nil, "want 27 channels"},
		{DeformConvGradWeight{deform, 3}, []Shape{g, x, om}, w, ""},
		{DeformConvGradWeight{deform, 2}, []Shape{g, x, om}, nil, "want 12 channels"},

		{HeadLinearGradWeight{4}, []Shape{{2, 5, 8}, {2, 20, 3}}, Shape{8, 3}, ""},
		{HeadLinearGradWeight{4}, []Shape{{2, 5, 8}, {2, 19, 3}}, nil, "want 4 for each of 5 tokens"},
		{HeadLinearGradWeight{3}, []Shape{{2, 5, 8}, {2, 15, 3}}, nil, "3 heads"},
	}
}

func normGradRows() []inferRow {
	x, narrow := Shape{2, 3, 4, 6}, Shape{2, 3, 3, 6}
	return []inferRow{
		{LayerNormGradX{1e-5}, []Shape{x, x, {6}}, x, ""},
		{LayerNormGradX{1e-5}, []Shape{narrow, x, {6}}, nil, "want the same"},
		{LayerNormGradX{0}, []Shape{x, x, {6}}, nil, "eps 0"},
		{LayerNormGradWeight{1e-5}, []Shape{x, x}, Shape{6}, ""},
		{LayerNormGradWeight{1e-5}, []Shape{narrow, x}, nil, "want the same"},
		{GroupNormGradX{GroupNorm{3, 1e-5}}, []Shape{x, x, {6}}, x, ""},
		{GroupNormGradX{GroupNorm{4, 1e-5}}, []Shape{x, x, {6}}, nil, "4"},
		{GroupNormGradWeight{GroupNorm{3, 1e-5}}, []Shape{x, x}, Shape{6}, ""},
		{GroupNormGradWeight{GroupNorm{3, 0}}, []Shape{x, x}, nil, "eps 0"},
		{NormalizeGradX{1e-12}, []Shape{x, x}, x, ""},
		{NormalizeGradX{math.Inf(1)}, []Shape{x, x}, nil, "eps +Inf"},
		{SoftmaxGradX{}, []Shape{x, x}, x, ""},
		{SoftmaxGradX{}, []Shape{narrow, x}, nil, "want the same"},
	}
}

func mapGradRows() []inferRow {
	x := Shape{2, 3, 4, 8}
	return []inferRow{
		{PositionBiasGradTable{3}, []Shape{{4, 9, 9}}, Shape{25, 4}, ""},
		{PositionBiasGradTable{4}, []Shape{{4, 9, 9}}, nil, "want 16 x 16"},
		{SplitPatches{2, 5, 8}, []Shape{x}, Shape{2, 5, 8, 2}, ""},
		{SplitPatches{2, 4, 8}, []Shape{x}, nil, "do not make a map of 4 x 8"},
		{SplitPatches{0, 5, 8}, []Shape{x}, nil, "size 0"},
		{ResizeNearestGradX{5, 2}, []Shape{x}, Shape{2, 5, 2, 8}, ""},
		{ResizeNearestGradX{5, 0}, []Shape{x}, nil, "0"},
		{ResizeBilinearGradX{5, 2}, []Shape{x}, Shape{2, 5, 2, 8}, ""},
		{ResizeBilinearGradX{-1, 2}, []Shape{x}, nil, "-1"},
		{EmbedGradWord{9}, []Shape{{2, 5, 8}, {2, 5}}, Shape{9, 8}, ""},
		{EmbedGradWord{0}, []Shape{{2, 5, 8}, {2, 5}}, nil, "0 rows"},
		{EmbedGradWord{9}, []Shape{{2, 5, 8}, {2, 6}}, nil, "operand 2 is [2 6], want [2 5]"},
		{SliceChannels{3, 5}, []Shape{x}, Shape{2, 3, 4, 5}, ""},
		{SliceChannels{4, 5}, []Shape{x}, nil, "5 channels from 4"},
		{SliceChannels{math.MaxInt, math.MaxInt}, []Shape{x}, nil, "channels from"},
		{ConcatChannels{}, []Shape{x, {2, 3, 4, 1}, {2, 3, 4, 3}}, Shape{2, 3, 4, 12}, ""},
		{ConcatChannels{}, []Shape{x, {2, 3, 5, 8}}, nil, "want the same but for the last"},
		{ConcatChannels{}, nil, nil, "0 operands"},
	}
}

func elementGradRows() []inferRow {
	x, other := Shape{2, 3, 4, 6}, Shape{2, 3, 6, 4}
	nan := math.NaN()
	return []inferRow{
		{Mul{}, []Shape{x, {2, 1, 1, 1}}, x, ""},
		{Mul{}, []Shape{x, other}, nil, "axis"},
		{Tile{x}, []Shape{{4, 6}}, x, ""},
		{Tile{x}, []Shape{{5, 6}}, nil, "axis"},
		{SumTiles{Shape{6}}, []Shape{x}, Shape{6}, ""},
		{SumTiles{Shape{5}}, []Shape{x}, nil, "axis"},
		{Fill{x, 0.5}, nil, x, ""},
		{Fill{x, nan}, nil, nil, "NaN"},
		{Exp{}, []Shape{x}, x, ""},
		{PackHalves{}, []Shape{{2, 6}}, Shape{6}, ""},
		{PackHalves{}, []Shape{{3, 3}}, nil, "9 elements, want a multiple of 4"},
		{UnpackHalves{Shape{2, 6}}, []Shape{{6}}, Shape{2, 6}, ""},
		{UnpackHalves{Shape{2, 6}}, []Shape{{12}}, nil, "[6]"},
		{UnpackHalves{Shape{2, 3}}, []Shape{{3}}, nil, "multiple of 4"},
		{Exp{}, []Shape{x, x}, nil, "2 operands"},
		{GELUGradX{}, []Shape{x, x}, x, ""},
		{GELUGradX{}, []Shape{other, x}, nil, "want the same"},
		{ReLUGradX{}, []Shape{x, x}, x, ""},
		{ReLUGradX{}, []Shape{other, x}, nil, "want the same"},
		{SigmoidGradX{From: 2}, []Shape{x, x}, x, ""},
		{SigmoidGradX{From: 6}, []Shape{x, x}, nil, "from channel 6"},
		{HardSigmoidGradX{}, []Shape{x, x}, x, ""},
		{HardSigmoidGradX{}, []Shape{x}, nil, "1 operands"},
		{ClampGradX{Limit: 1}, []Shape{x, x}, x, ""},
		{ClampGradX{Limit: 0}, []Shape{x, x}, nil, "limit 0"},
		{DynamicReLUGradX{}, []Shape{x, x, {2, 24}}, x, ""},
		{DynamicReLUGradX{}, []Shape{x, x, {2, 23}}, nil, "23 coefficients"},
		{DynamicReLUGradT{}, []Shape{x, x, {2, 24}}, Shape{2, 24}, ""},
		{DynamicReLUGradT{}, []Shape{x, x, {1, 24}}, nil, "operand 3 is [1 24], want [2 t]"},
	}
}

func lossRows() []inferRow {
	focal := TokenFocalLoss{0.25, 2}
	z, matched, positive, mask := Shape{2, 12, 5}, Shape{2, 12}, Shape{2, 3, 5}, Shape{2, 5}
	deltas, anchors, boxes, weight := Shape{2, 3, 4, 4}, Shape{12, 4}, Shape{2, 12, 4}, Shape{2, 12}
	return []inferRow{
		{focal, []Shape{z, matched, positive, mask}, Shape{1}, ""},
		{TokenFocalLoss{1.5, 2}, []Shape{z, matched, positive, mask}, nil, "alpha 1.5"},
		{focal, []Shape{z, {2, 11}, positive, mask}, nil, "operand 2 is [2 11], want [2 12]"},
		{TokenFocalLossGradX{focal}, []Shape{{1}, z, matched, positive, mask}, z, ""},
		{TokenFocalLossGradX{TokenFocalLoss{0.25, -1}}, []Shape{{1}, z, matched, positive, mask}, nil, "gamma -1"},
		{GIoULoss{}, []Shape{deltas, anchors, boxes, weight}, Shape{1}, ""},
		{GIoULoss{}, []Shape{{2, 3, 5, 4}, anchors, boxes, weight}, nil, "of 12 anchors"},
		{GIoULossGradX{}, []Shape{{1}, deltas, anchors, boxes, weight}, deltas, ""},
		{GIoULossGradX{}, []Shape{{2}, deltas, anchors, boxes, weight}, nil, "operand 1 is [2], want [1]"},
		{CenternessLoss{}, []Shape{{2, 3, 4, 1}, weight}, Shape{1}, ""},
		{CenternessLoss{}, []Shape{{2, 3, 5, 1}, weight}, nil, "want as many"},
		{CenternessLossGradX{}, []Shape{{1}, {2, 12, 1}, weight}, Shape{2, 12, 1}, ""},
		{CenternessLossGradX{}, []Shape{{1}, {2, 11, 1}, weight}, nil, "want as many"},
	}
}

func stepRows() []inferRow {
	x := Shape{3, 4}
	return []inferRow{
		{Keep{To: x, Rate: 0.5}, []Shape{{2}}, x, ""},
		{Keep{To: x, Rate: 1}, []Shape{{2}}, nil, "rate 1"},
		{Keep{To: Shape{1 << 20, 1 << 20}, Rate: 0.5}, []Shape{{2}}, nil, "more elements"},
		{DropBlock{3}, []Shape{{2, 5, 6, 1}}, Shape{2, 5, 6, 1}, ""},
		{DropBlock{4}, []Shape{{2, 5, 6, 1}}, nil, "blocks of 4"},
		{SumSquares{}, []Shape{x}, Shape{1}, ""},
		{SumSquares{}, nil, nil, "0 operands"},
		{ClipScale{1}, []Shape{{1}}, Shape{1}, ""},
		{ClipScale{0}, []Shape{{1}}, nil, "limit 0"},
		{Moment{0.9, 2}, []Shape{x, x, {1}}, x, ""},
		{Moment{0.9, 3}, []Shape{x, x, {1}}, nil, "power 3"},
		{Moment{0.9, 1}, []Shape{x, {4, 3}, {1}}, nil, "want the same"},
		{AdamW{1e-8}, []Shape{x, x, x, {4}}, x, ""},
		{AdamW{1e-8}, []Shape{x, x, {4, 3}, {4}}, nil, "want the same"},
		{AdamW{0}, []Shape{x, x, x, {4}}, nil, "eps 0"},
	}
}
