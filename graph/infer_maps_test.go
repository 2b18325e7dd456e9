package graph

import "math"

// detectorRows are those of the detector's operations.
func detectorRows() []inferRow {
	rows := append(convolutionRows(), mapRows()...)
	return append(append(rows, tokenRows()...), crossRows()...)
}

func convolutionRows() []inferRow {
	x := Shape{2, 8, 11, 6} // [B, H, W, C]
	nan := math.NaN()
	return []inferRow{
		{Conv{1, 1}, []Shape{x, {5, 6, 3, 3}}, Shape{2, 8, 11, 5}, ""},
		{Conv{2, 1}, []Shape{x, {5, 6, 3, 3}, {5}}, Shape{2, 4, 6, 5}, ""},
		{Conv{2, 0}, []Shape{x, {5, 6, 8, 8}}, Shape{2, 1, 2, 5}, ""},
		{Conv{1, 0}, []Shape{x, {5, 6, 9, 9}}, nil, "smaller than the kernel of 9"},
		{Conv{1, 1}, []Shape{x, {5, 7, 3, 3}}, nil, "want [N, 6, k, k]"},
		{Conv{1, 1}, []Shape{x, {5, 6, 3, 1}}, nil, "want [N, 6, k, k]"},
		{Conv{1, 1}, []Shape{x, {5, 6}}, nil, "want [N, 6, k, k]"},
		{Conv{1, 1}, []Shape{x, {5, 6, 3, 3}, {6}}, nil, "bias [6], want [5]"},
		{Conv{1, 1}, []Shape{x, {}, {6}}, nil, "want [N, 6, k, k]"},
		{Conv{0, 1}, []Shape{x, {5, 6, 3, 3}}, nil, "stride 0"},
		{Conv{1, -1}, []Shape{x, {5, 6, 3, 3}}, nil, "padding -1"},
		{Conv{1, 1}, []Shape{{8, 11, 6}, {5, 6, 3, 3}}, nil, "[B, H, W, C]"},
		{Conv{1, 1}, []Shape{x}, nil, "1 operands"},

		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 8, 11, 5}, ""},
		{DeformConv{2, 1}, []Shape{x, {2, 4, 6, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 4, 6, 5}, ""},
		{DeformConv{1, 1}, []Shape{x, {2, 16, 21, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 8, 11, 5}, ""},
		{DeformConv{1, 0}, []Shape{x, {2, 7, 10, 12}, {5, 6, 2, 2}, {5}}, Shape{2, 7, 10, 5}, ""},
		{DeformConv{1, 1}, []Shape{x, {2, 7, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "more positions"},
		{DeformConv{1, 1}, []Shape{x, {1, 8, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "want [2, H, W, 27]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 18}, {5, 6, 3, 3}, {5}}, nil, "want [2, H, W, 27]"},
		{DeformConv{1, 1}, []Shape{x, {2, 88, 27}, {5, 6, 3, 3}, {5}}, nil, "want [2, H, W, 27]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {6}}, nil, "bias [6], want [5]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 3, 3, 3}, {5}}, nil, "want [N, 6, k, k]"},
		{DeformConv{0, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "stride 0"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}}, nil, "3 operands"},

		{GroupNorm{3, 1e-5}, []Shape{x, {6}, {6}}, x, ""},
		{GroupNorm{4, 1e-5}, []Shape{x, {6}, {6}}, nil, "4 groups"},
		{GroupNorm{0, 1e-5}, []Shape{x, {6}, {6}}, nil, "0 groups"},
		{GroupNorm{3, 0}, []Shape{x, {6}, {6}}, nil, "eps 0"},
		{GroupNorm{3, nan}, []Shape{x, {6}, {6}}, nil, "eps NaN"},
		{GroupNorm{3, 1e-5}, []Shape{x, {5}, {6}}, nil, "weight [5]"},
		{GroupNorm{3, 1e-5}, []Shape{x, {6}, {5}}, nil, "bias [5]"},
		{GroupNorm{3, 1e-5}, []Shape{{8, 6}, {6}, {6}}, nil, "[B, H, W, C]"},
		{GroupNorm{3, 1e-5}, []Shape{x}, nil, "1 operands"},
	}
}

func mapRows() []inferRow {
	x := Shape{2, 8, 11, 6}
	gate := Shape{2, 1}
	return []inferRow{
		{Sigmoid{2}, []Shape{x}, x, ""},
		{Sigmoid{6}, []Shape{x}, nil, "channel 6 of 6"},
		{Sigmoid{-1}, []Shape{x}, nil, "channel -1"},
		{Sigmoid{}, nil, nil, "0 operands"},

		{ResizeNearest{3, 20}, []Shape{x}, Shape{2, 3, 20, 6}, ""},
		{ResizeNearest{3, 20}, []Shape{{2, 88, 6}}, nil, "[B, H, W, C]"},
		{ResizeBilinear{3, 20}, []Shape{x}, Shape{2, 3, 20, 6}, ""},
		{ResizeBilinear{3, 20}, []Shape{{2, 88, 6}}, nil, "[B, H, W, C]"},

		{ReLU{}, []Shape{x}, x, ""},
		{ReLU{}, []Shape{x, x}, nil, "2 operands"},
		{HardSigmoid{}, []Shape{{2, 5}}, Shape{2, 5}, ""},
		{HardSigmoid{}, nil, nil, "0 operands"},

		{GlobalMean{}, []Shape{x}, Shape{2, 6}, ""},
		{GlobalMean{}, []Shape{{2, 88, 6}}, nil, "[B, H, W, C]"},

		{WeightedMean{}, []Shape{x, gate, x, gate, x, gate}, x, ""},
		{WeightedMean{}, []Shape{x, gate}, x, ""},
		{WeightedMean{}, []Shape{x, gate, x}, nil, "3 operands"},
		{WeightedMean{}, nil, nil, "0 operands"},
		{WeightedMean{}, []Shape{x, gate, {2, 8, 12, 6}, gate}, nil, "branch 1"},
		{WeightedMean{}, []Shape{x, gate, x, {1, 1}}, nil, "branch 1"},
		{WeightedMean{}, []Shape{{2, 88, 6}, gate}, nil, "[B, H, W, C]"},

		{DynamicReLU{}, []Shape{x, {2, 24}}, x, ""},
		{DynamicReLU{}, []Shape{x, {2, 12}}, nil, "want [2 24]"},
		{DynamicReLU{}, []Shape{x, {1, 24}}, nil, "want [2 24]"},
		{DynamicReLU{}, []Shape{{2, 88, 6}, {2, 24}}, nil, "[B, H, W, C]"},
		{DynamicReLU{}, []Shape{x}, nil, "1 operands"},
	}
}

func tokenRows() []inferRow {
	return []inferRow{
		{ConcatTokens{}, []Shape{{2, 8, 11, 6}, {2, 7, 6}, {2, 6}}, Shape{2, 96, 6}, ""},
		{ConcatTokens{}, []Shape{{2, 7, 6}, {1, 7, 6}}, nil, "same B and C"},
		{ConcatTokens{}, []Shape{{2, 7, 6}, {2, 7, 5}}, nil, "same B and C"},
		{ConcatTokens{}, []Shape{{6}}, nil, "same B and C"},
		{ConcatTokens{}, nil, nil, "no operands"},

		{SliceTokens{4, 2, 3}, []Shape{{2, 10, 6}}, Shape{2, 2, 3, 6}, ""},
		{SliceTokens{5, 2, 3}, []Shape{{2, 10, 6}}, nil, "from token 5 of 10"},
		{SliceTokens{-1, 2, 3}, []Shape{{2, 10, 6}}, nil, "from token -1"},
		{SliceTokens{math.MaxInt, 2, 3}, []Shape{{2, 10, 6}}, nil, "of 10"},
		{SliceTokens{0, 0, 3}, []Shape{{2, 10, 6}}, nil, "0 x 3"},
		{SliceTokens{0, 2, 0}, []Shape{{2, 10, 6}}, nil, "2 x 0"},
		{SliceTokens{0, 1 << 32, 1 << 32}, []Shape{{2, 10, 6}}, nil, "of 10"},
		{SliceTokens{0, 1, 1}, []Shape{{2, 2, 5, 6}}, nil, "[B, S, C]"},

		{Reshape{Shape{3, 1, 4}}, []Shape{{2, 6}}, Shape{3, 1, 4}, ""},
		{Reshape{Shape{3, 5}}, []Shape{{2, 6}}, nil, "12 elements"},
		{Reshape{Shape{-3, -4}}, []Shape{{2, 6}}, nil, "below 1"},
		{Reshape{Shape{12}}, nil, nil, "0 operands"},

		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 6}, {9, 6}}, Shape{2, 7, 6}, ""},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {1, 6}, {7, 6}}, Shape{2, 7, 6}, ""},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 6}, {6, 6}}, nil, "table [6 6], want at least [7, 6]"},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 5}, {9, 6}}, nil, "table [2 5]"},
		{Embed{}, []Shape{{2, 7}, {6}, {2, 6}, {9, 6}}, nil, "table [6]"},
		{Embed{}, []Shape{{2, 7, 1}, {100, 6}, {2, 6}, {9, 6}}, nil, "want [B, T]"},
		{Embed{}, []Shape{{2, 7}}, nil, "1 operands"},

		{SwapLast{}, []Shape{{2, 3, 4}}, Shape{2, 4, 3}, ""},
		{SwapLast{}, []Shape{{3}}, nil, "two axes"},
		{SwapLast{}, nil, nil, "0 operands"},

		{Clamp{5}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Clamp{0}, []Shape{{2, 3}}, nil, "limit 0"},
		{Clamp{math.NaN()}, []Shape{{2, 3}}, nil, "limit NaN"},
		{Clamp{5}, nil, nil, "0 operands"},

		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}, {6}}, Shape{2, 7, 6}, ""},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 1, 6}, {6}}, nil, "one shape"},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}, {7}}, nil, "gamma [7]"},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}}, nil, "2 operands"},

		{Normalize{1e-12}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Normalize{0}, []Shape{{2, 3}}, nil, "eps 0"},
		{Normalize{1e-12}, nil, nil, "0 operands"},

		{Scale{-0.5}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Scale{math.Inf(1)}, []Shape{{2, 3}}, nil, "scale +Inf"},
		{Scale{1}, nil, nil, "0 operands"},

		{MulScalar{}, []Shape{{2, 3}, {1}}, Shape{2, 3}, ""},
		{MulScalar{}, []Shape{{2, 3}, {3}}, nil, "factor [3]"},
		{MulScalar{}, []Shape{{2, 3}}, nil, "1 operands"},
	}
}

func crossRows() []inferRow {
	q, k := Shape{2, 9, 12}, Shape{2, 5, 12}
	return []inferRow{
		{CrossScores{3, 0.5}, []Shape{q, k}, Shape{2, 3, 9, 5}, ""},
		{CrossScores{3, 0.5}, []Shape{q, k, {2, 5}}, Shape{2, 3, 9, 5}, ""},
		{CrossScores{3, 0.5}, []Shape{q, k, {5}}, nil, "bias [5], want [2 5]"},
		{CrossScores{3, 0.5}, []Shape{q, k, {2, 9}}, nil, "bias [2 9], want [2 5]"},
		{CrossScores{5, 0.5}, []Shape{q, k}, nil, "5 heads"},
		{CrossScores{0, 0.5}, []Shape{q, k}, nil, "0 heads"},
		{CrossScores{3, 0.5}, []Shape{q, {1, 5, 12}}, nil, "[B, m, E]"},
		{CrossScores{3, 0.5}, []Shape{q, {2, 5, 9}}, nil, "[B, m, E]"},
		{CrossScores{3, 0.5}, []Shape{q, {5, 12}}, nil, "[B, m, E]"},
		{CrossScores{3, math.NaN()}, []Shape{q, k}, nil, "scale NaN"},
		{CrossScores{3, 0.5}, []Shape{q}, nil, "1 operands"},

		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k}, Shape{2, 9, 12}, ""},
		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k, {12}}, Shape{2, 9, 12}, ""},
		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k, {5}}, nil, "bias [5], want [12]"},
		{CrossContext{2}, []Shape{{2, 3, 9, 5}, k}, nil, "want [B, 2, n, m]"},
		{CrossContext{5}, []Shape{{2, 5, 9, 5}, k}, nil, "[B, m, E]"},
		{CrossContext{0}, []Shape{{2, 0, 9, 5}, k}, nil, "[B, m, E]"},
		{CrossContext{3}, []Shape{{2, 3, 9, 6}, k}, nil, "[B, m, E]"},
		{CrossContext{3}, []Shape{{1, 3, 9, 5}, k}, nil, "[B, m, E]"},
		{CrossContext{3}, []Shape{{3, 9, 5}, k}, nil, "[B, m, E]"},
		{CrossContext{3}, []Shape{k}, nil, "1 operands"},

		{AbsorbKeys{3, 0.5}, []Shape{k, {12, 7}}, Shape{2, 15, 7}, ""},
		{AbsorbKeys{3, 0.5}, []Shape{k, {11, 7}}, nil, "want [12, C]"},
		{AbsorbKeys{3, 0.5}, []Shape{k, {12}}, nil, "want [12, C]"},
		{AbsorbKeys{5, 0.5}, []Shape{k, {12, 7}}, nil, "5 heads"},
		{AbsorbKeys{0, 0.5}, []Shape{k, {12, 7}}, nil, "0 heads"},
		{AbsorbKeys{3, 0.5}, []Shape{{5, 12}, {12, 7}}, nil, "[B, T, E]"},
		{AbsorbKeys{3, math.Inf(-1)}, []Shape{k, {12, 7}}, nil, "scale -Inf"},
		{AbsorbKeys{3, 0.5}, []Shape{k}, nil, "1 operands"},

		{AbsorbBias{3, 0.5}, []Shape{k, {12}}, Shape{2, 15}, ""},
		{AbsorbBias{3, 0.5}, []Shape{k, {12}, {2, 5}}, Shape{2, 15}, ""},
		{AbsorbBias{3, 0.5}, []Shape{k, {12}, {5}}, nil, "mask [[12] [5]]"},
		{AbsorbBias{3, 0.5}, []Shape{k, {5}}, nil, "mask [[5]]"},
		{AbsorbBias{5, 0.5}, []Shape{{1, 5, 12}, {12}}, nil, "5 heads"},
		{AbsorbBias{3, 0.5}, []Shape{{}, {12}}, nil, "[B, T, E]"},
		{AbsorbBias{3, math.NaN()}, []Shape{{1, 5, 12}, {12}}, nil, "scale NaN"},
		{AbsorbBias{3, 0.5}, nil, nil, "0 operands"},

		{AbsorbValues{3}, []Shape{k, {7, 12}}, Shape{2, 15, 7}, ""},
		{AbsorbValues{3}, []Shape{k, {12, 7}}, nil, "want [C, 12]"},
		{AbsorbValues{5}, []Shape{k, {7, 12}}, nil, "5 heads"},
		{AbsorbValues{3}, []Shape{k}, nil, "1 operands"},

		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}, {12}}, Shape{2, 5, 12}, ""},
		{HeadLinear{4}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "[B, 4*T, C]"},
		{HeadLinear{5}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "[B, 5*T, C]"},
		{HeadLinear{0}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "[B, 0*T, C]"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 8}, {12}}, nil, "weight [12 8]"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}, {7}}, nil, "bias [7]"},
		{HeadLinear{3}, []Shape{{15, 7}, {12, 7}, {12}}, nil, "rows [15 7]"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}}, nil, "2 operands"},
	}
}
