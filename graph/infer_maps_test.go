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
		{Conv{1, 1}, []Shape{x, {5, 7, 3, 3}}, nil, "operand 2 is [5 7 3 3], want [N 6 k k]"},
		{Conv{1, 1}, []Shape{x, {5, 6, 3, 1}}, nil, "operand 2 is [5 6 3 1], want [N 6 k k]"},
		{Conv{1, 1}, []Shape{x, {5, 6}}, nil, "operand 2 is [5 6], want [N 6 k k]"},
		{Conv{1, 1}, []Shape{x, {5, 6, 3, 3}, {6}}, nil, "operand 3 is [6], want [5]"},
		{Conv{1, 1}, []Shape{x, {}, {6}}, nil, "operand 2 is [], want [N 6 k k]"},
		{Conv{0, 1}, []Shape{x, {5, 6, 3, 3}}, nil, "stride 0"},
		{Conv{1, -1}, []Shape{x, {5, 6, 3, 3}}, nil, "padding -1"},
		{Conv{1, 1}, []Shape{{8, 11, 6}, {5, 6, 3, 3}}, nil, "operand 1 is [8 11 6], want [B H W C]"},
		{Conv{1, 1}, []Shape{x}, nil, "1 operands"},

		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 8, 11, 5}, ""},
		{DeformConv{2, 1}, []Shape{x, {2, 4, 6, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 4, 6, 5}, ""},
		{DeformConv{1, 1}, []Shape{x, {2, 16, 21, 27}, {5, 6, 3, 3}, {5}}, Shape{2, 8, 11, 5}, ""},
		{DeformConv{1, 0}, []Shape{x, {2, 7, 10, 12}, {5, 6, 2, 2}, {5}}, Shape{2, 7, 10, 5}, ""},
		{DeformConv{1, 1}, []Shape{x, {2, 7, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "more positions"},
		{DeformConv{1, 1}, []Shape{x, {1, 8, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "operand 2 is [1 8 11 27], want [2 h w o]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 18}, {5, 6, 3, 3}, {5}}, nil, "want [2, H, W, 27]"},
		{DeformConv{1, 1}, []Shape{x, {2, 88, 27}, {5, 6, 3, 3}, {5}}, nil, "operand 2 is [2 88 27], want [2 h w o]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {6}}, nil, "operand 4 is [6], want [5]"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 3, 3, 3}, {5}}, nil, "operand 3 is [5 3 3 3], want [N 6 k k]"},
		{DeformConv{0, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}, {5}}, nil, "stride 0"},
		{DeformConv{1, 1}, []Shape{x, {2, 8, 11, 27}, {5, 6, 3, 3}}, nil, "3 operands"},

		{GroupNorm{3, 1e-5}, []Shape{x, {6}, {6}}, x, ""},
		{GroupNorm{4, 1e-5}, []Shape{x, {6}, {6}}, nil, "4 groups"},
		{GroupNorm{0, 1e-5}, []Shape{x, {6}, {6}}, nil, "0 groups"},
		{GroupNorm{3, 0}, []Shape{x, {6}, {6}}, nil, "eps 0"},
		{GroupNorm{3, nan}, []Shape{x, {6}, {6}}, nil, "eps NaN"},
		{GroupNorm{3, 1e-5}, []Shape{x, {5}, {6}}, nil, "operand 2 is [5], want [6]"},
		{GroupNorm{3, 1e-5}, []Shape{x, {6}, {5}}, nil, "operand 3 is [5], want [6]"},
		{GroupNorm{3, 1e-5}, []Shape{{8, 6}, {6}, {6}}, nil, "operand 1 is [8 6], want [B H W C]"},
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
		{ResizeNearest{3, 20}, []Shape{{2, 88, 6}}, nil, "operand 1 is [2 88 6], want [B H W C]"},
		{ResizeBilinear{3, 20}, []Shape{x}, Shape{2, 3, 20, 6}, ""},
		{ResizeBilinear{3, 20}, []Shape{{2, 88, 6}}, nil, "operand 1 is [2 88 6], want [B H W C]"},

		{ReLU{}, []Shape{x}, x, ""},
		{ReLU{}, []Shape{x, x}, nil, "2 operands"},
		{HardSigmoid{}, []Shape{{2, 5}}, Shape{2, 5}, ""},
		{HardSigmoid{}, nil, nil, "0 operands"},

		{GlobalMean{}, []Shape{x}, Shape{2, 6}, ""},
		{GlobalMean{}, []Shape{{2, 88, 6}}, nil, "operand 1 is [2 88 6], want [B H W C]"},

		{WeightedMean{}, []Shape{x, gate, x, gate, x, gate}, x, ""},
		{WeightedMean{}, []Shape{x, gate}, x, ""},
		{WeightedMean{}, []Shape{x, gate, x}, nil, "3 operands"},
		{WeightedMean{}, nil, nil, "0 operands"},
		{WeightedMean{}, []Shape{x, gate, {2, 8, 12, 6}, gate}, nil, "operand 3 is [2 8 12 6], want [2 8 11 6]"},
		{WeightedMean{}, []Shape{x, gate, x, {1, 1}}, nil, "operand 4 is [1 1], want [2 1]"},
		{WeightedMean{}, []Shape{{2, 88, 6}, gate}, nil, "operand 1 is [2 88 6], want [B H W C]"},

		{DynamicReLU{}, []Shape{x, {2, 24}}, x, ""},
		{DynamicReLU{}, []Shape{x, {2, 12}}, nil, "coefficients [2 12], want [2 24]"},
		{DynamicReLU{}, []Shape{x, {1, 24}}, nil, "operand 2 is [1 24], want [2 t]"},
		{DynamicReLU{}, []Shape{{2, 88, 6}, {2, 24}}, nil, "operand 1 is [2 88 6], want [B H W C]"},
		{DynamicReLU{}, []Shape{x}, nil, "1 operands"},
	}
}

func tokenRows() []inferRow {
	return []inferRow{
		{ConcatTokens{}, []Shape{{2, 8, 11, 6}, {2, 7, 6}, {2, 6}}, Shape{2, 96, 6}, ""},
		{ConcatTokens{}, []Shape{{2, 7, 6}, {1, 7, 6}}, nil, "operand 2 is [1 7 6], want [2 * 6]"},
		{ConcatTokens{}, []Shape{{2, 7, 6}, {2, 7, 5}}, nil, "operand 2 is [2 7 5], want [2 * 6]"},
		{ConcatTokens{}, []Shape{{6}}, nil, "operand 1 is [6], want [B * C]"},
		{ConcatTokens{}, nil, nil, "0 operands, want [B*C]"},

		{SliceTokens{4, 2, 3}, []Shape{{2, 10, 6}}, Shape{2, 2, 3, 6}, ""},
		{SliceTokens{5, 2, 3}, []Shape{{2, 10, 6}}, nil, "from token 5 of 10"},
		{SliceTokens{-1, 2, 3}, []Shape{{2, 10, 6}}, nil, "from token -1"},
		{SliceTokens{math.MaxInt, 2, 3}, []Shape{{2, 10, 6}}, nil, "of 10"},
		{SliceTokens{0, 0, 3}, []Shape{{2, 10, 6}}, nil, "0 x 3"},
		{SliceTokens{0, 2, 0}, []Shape{{2, 10, 6}}, nil, "2 x 0"},
		{SliceTokens{0, 1 << 32, 1 << 32}, []Shape{{2, 10, 6}}, nil, "of 10"},
		{SliceTokens{0, 1, 1}, []Shape{{2, 2, 5, 6}}, nil, "operand 1 is [2 2 5 6], want [B S C]"},

		{Reshape{Shape{3, 1, 4}}, []Shape{{2, 6}}, Shape{3, 1, 4}, ""},
		{Reshape{Shape{3, 5}}, []Shape{{2, 6}}, nil, "12 elements"},
		{Reshape{Shape{-3, -4}}, []Shape{{2, 6}}, nil, "below 1"},
		{Reshape{Shape{12}}, nil, nil, "0 operands"},

		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 6}, {9, 6}}, Shape{2, 7, 6}, ""},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {1, 6}, {7, 6}}, Shape{2, 7, 6}, ""},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 6}, {6, 6}}, nil, "6 positions, want at least 7"},
		{Embed{}, []Shape{{2, 7}, {100, 6}, {2, 5}, {9, 6}}, nil, "operand 3 is [2 5], want [t 6]"},
		{Embed{}, []Shape{{2, 7}, {6}, {2, 6}, {9, 6}}, nil, "operand 2 is [6], want [V C]"},
		{Embed{}, []Shape{{2, 7, 1}, {100, 6}, {2, 6}, {9, 6}}, nil, "operand 1 is [2 7 1], want [B T]"},
		{Embed{}, []Shape{{2, 7}}, nil, "1 operands"},

		{SwapLast{}, []Shape{{2, 3, 4}}, Shape{2, 4, 3}, ""},
		{SwapLast{}, []Shape{{3}}, nil, "operand 1 is [3], want [* a b]"},
		{SwapLast{}, nil, nil, "0 operands"},

		{Clamp{5}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Clamp{0}, []Shape{{2, 3}}, nil, "limit 0"},
		{Clamp{math.NaN()}, []Shape{{2, 3}}, nil, "limit NaN"},
		{Clamp{5}, nil, nil, "0 operands"},

		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}, {6}}, Shape{2, 7, 6}, ""},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 1, 6}, {6}}, nil, "one shape"},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}, {7}}, nil, "operand 3 is [7], want [6]"},
		{AddScaled{}, []Shape{{2, 7, 6}, {2, 7, 6}}, nil, "2 operands"},

		{Normalize{1e-12}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Normalize{0}, []Shape{{2, 3}}, nil, "eps 0"},
		{Normalize{1e-12}, nil, nil, "0 operands"},

		{Scale{-0.5}, []Shape{{2, 3}}, Shape{2, 3}, ""},
		{Scale{math.Inf(1)}, []Shape{{2, 3}}, nil, "scale +Inf"},
		{Scale{1}, nil, nil, "0 operands"},

		{MulScalar{}, []Shape{{2, 3}, {1}}, Shape{2, 3}, ""},
		{MulScalar{}, []Shape{{2, 3}, {3}}, nil, "operand 2 is [3], want [1]"},
		{MulScalar{}, []Shape{{2, 3}}, nil, "1 operands"},
	}
}

func crossRows() []inferRow {
	q, k := Shape{2, 9, 12}, Shape{2, 5, 12}
	return []inferRow{
		{CrossScores{3, 0.5}, []Shape{q, k}, Shape{2, 3, 9, 5}, ""},
		{CrossScores{3, 0.5}, []Shape{q, k, {2, 5}}, Shape{2, 3, 9, 5}, ""},
		{CrossScores{3, 0.5}, []Shape{q, k, {5}}, nil, "operand 3 is [5], want [2 5]"},
		{CrossScores{3, 0.5}, []Shape{q, k, {2, 9}}, nil, "operand 3 is [2 9], want [2 5]"},
		{CrossScores{5, 0.5}, []Shape{q, k}, nil, "5 heads"},
		{CrossScores{0, 0.5}, []Shape{q, k}, nil, "0 heads"},
		{CrossScores{3, 0.5}, []Shape{q, {1, 5, 12}}, nil, "operand 2 is [1 5 12], want [2 m 12]"},
		{CrossScores{3, 0.5}, []Shape{q, {2, 5, 9}}, nil, "operand 2 is [2 5 9], want [2 m 12]"},
		{CrossScores{3, 0.5}, []Shape{q, {5, 12}}, nil, "operand 2 is [5 12], want [2 m 12]"},
		{CrossScores{3, math.NaN()}, []Shape{q, k}, nil, "scale NaN"},
		{CrossScores{3, 0.5}, []Shape{q}, nil, "1 operands"},

		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k}, Shape{2, 9, 12}, ""},
		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k, {12}}, Shape{2, 9, 12}, ""},
		{CrossContext{3}, []Shape{{2, 3, 9, 5}, k, {5}}, nil, "operand 3 is [5], want [12]"},
		{CrossContext{2}, []Shape{{2, 3, 9, 5}, k}, nil, "want [B, 2, n, m]"},
		{CrossContext{5}, []Shape{{2, 5, 9, 5}, k}, nil, "5 heads, which do not divide 12"},
		{CrossContext{0}, []Shape{{2, 0, 9, 5}, k}, nil, "0 heads, which do not divide 12"},
		{CrossContext{3}, []Shape{{2, 3, 9, 6}, k}, nil, "operand 2 is [2 5 12], want [2 6 E]"},
		{CrossContext{3}, []Shape{{1, 3, 9, 5}, k}, nil, "operand 2 is [2 5 12], want [1 5 E]"},
		{CrossContext{3}, []Shape{{3, 9, 5}, k}, nil, "operand 1 is [3 9 5], want [B h n m]"},
		{CrossContext{3}, []Shape{k}, nil, "1 operands"},

		{AbsorbKeys{3, 0.5}, []Shape{k, {12, 7}}, Shape{2, 15, 7}, ""},
		{AbsorbKeys{3, 0.5}, []Shape{k, {11, 7}}, nil, "operand 2 is [11 7], want [12 C]"},
		{AbsorbKeys{3, 0.5}, []Shape{k, {12}}, nil, "operand 2 is [12], want [12 C]"},
		{AbsorbKeys{5, 0.5}, []Shape{k, {12, 7}}, nil, "5 heads"},
		{AbsorbKeys{0, 0.5}, []Shape{k, {12, 7}}, nil, "0 heads"},
		{AbsorbKeys{3, 0.5}, []Shape{{5, 12}, {12, 7}}, nil, "operand 1 is [5 12], want [B T E]"},
		{AbsorbKeys{3, math.Inf(-1)}, []Shape{k, {12, 7}}, nil, "scale -Inf"},
		{AbsorbKeys{3, 0.5}, []Shape{k}, nil, "1 operands"},

		{AbsorbBias{3, 0.5}, []Shape{k, {12}}, Shape{2, 15}, ""},
		{AbsorbBias{3, 0.5}, []Shape{k, {12}, {2, 5}}, Shape{2, 15}, ""},
		{AbsorbBias{3, 0.5}, []Shape{k, {12}, {5}}, nil, "operand 3 is [5], want [2 5]"},
		{AbsorbBias{3, 0.5}, []Shape{k, {5}}, nil, "operand 2 is [5], want [12]"},
		{AbsorbBias{5, 0.5}, []Shape{{1, 5, 12}, {12}}, nil, "5 heads"},
		{AbsorbBias{3, 0.5}, []Shape{{}, {12}}, nil, "operand 1 is [], want [B T E]"},
		{AbsorbBias{3, math.NaN()}, []Shape{{1, 5, 12}, {12}}, nil, "scale NaN"},
		{AbsorbBias{3, 0.5}, nil, nil, "0 operands"},

		{AbsorbValues{3}, []Shape{k, {7, 12}}, Shape{2, 15, 7}, ""},
		{AbsorbValues{3}, []Shape{k, {12, 7}}, nil, "operand 2 is [12 7], want [C 12]"},
		{AbsorbValues{5}, []Shape{k, {7, 12}}, nil, "5 heads"},
		{AbsorbValues{3}, []Shape{k}, nil, "1 operands"},

		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}, {12}}, Shape{2, 5, 12}, ""},
		{HeadLinear{4}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "4 heads, which do not divide 1"},
		{HeadLinear{5}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "5 heads, which do not divide 1"},
		{HeadLinear{0}, []Shape{{2, 15, 7}, {12, 7}, {12}}, nil, "0 heads, which do not divide 1"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 8}, {12}}, nil, "operand 2 is [12 8], want [E 7]"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}, {7}}, nil, "operand 3 is [7], want [12]"},
		{HeadLinear{3}, []Shape{{15, 7}, {12, 7}, {12}}, nil, "operand 1 is [15 7], want [B R C]"},
		{HeadLinear{3}, []Shape{{2, 15, 7}, {12, 7}}, nil, "2 operands"},
	}
}
