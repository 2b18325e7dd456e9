package graph

import "math"

// groundingRows are those that make scores and candidates.
func groundingRows() []inferRow {
	p, e, one := Shape{2, 5, 6}, Shape{2, 5, 12}, Shape{1}
	scores := Shape{2, 88, 3}
	return []inferRow{
		{TokenLogits{50}, []Shape{{2, 8, 11, 6}, p, e, {12}, one, one}, Shape{2, 88, 5}, ""},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, e, {12}, one, one}, Shape{2, 88, 5}, ""},
		{TokenLogits{50}, []Shape{{88, 6}, p, e, {12}, one, one}, nil, "operand 1 is [88 6], want [B s * C]"},
		{TokenLogits{50}, []Shape{{1, 88, 6}, p, e, {12}, one, one}, nil, "operand 2 is [2 5 6], want [1 T 6]"},
		{TokenLogits{50}, []Shape{{2, 88, 7}, p, e, {12}, one, one}, nil, "operand 2 is [2 5 6], want [2 T 7]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, {5, 6}, e, {12}, one, one}, nil, "operand 2 is [5 6], want [2 T 6]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, {2, 4, 12}, {12}, one, one}, nil, "operand 3 is [2 4 12], want [2 5 D]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, {1, 5, 12}, {12}, one, one}, nil, "operand 3 is [1 5 12], want [2 5 D]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, {5, 12}, {12}, one, one}, nil, "operand 3 is [5 12], want [2 5 D]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, e, {6}, one, one}, nil, "operand 4 is [6], want [12]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, e, {12}, {2}, one}, nil, "operand 5 is [2], want [1]"},
		{TokenLogits{50}, []Shape{{2, 88, 6}, p, e, {12}, one, {}}, nil, "operand 6 is [], want [1]"},
		{TokenLogits{0}, []Shape{{2, 88, 6}, p, e, {12}, one, one}, nil, "limit 0"},
		{TokenLogits{math.NaN()}, []Shape{{2, 88, 6}, p, e, {12}, one, one}, nil, "limit NaN"},
		{TokenLogits{50}, []Shape{p, p, e}, nil, "3 operands"},

		{PhraseScores{}, []Shape{{2, 88, 5}, {2, 3, 5}}, scores, ""},
		{PhraseScores{Power}, []Shape{{2, 88, 5}, {2, 3, 5}}, scores, ""},
		{PhraseScores{Max}, []Shape{{2, 88, 5}, {2, 3, 4}}, nil, "operand 2 is [2 3 4], want [2 L 5]"},
		{PhraseScores{Max}, []Shape{{2, 88, 5}, {1, 3, 5}}, nil, "operand 2 is [1 3 5], want [2 L 5]"},
		{PhraseScores{Power + 1}, []Shape{{2, 88, 5}, {2, 3, 5}}, nil, "Aggregate(3), want one of MEAN"},
		{PhraseScores{-1}, []Shape{{2, 88, 5}, {2, 3, 5}}, nil, "Aggregate(-1)"},
		{PhraseScores{}, []Shape{{2, 88, 5}, {3, 5}}, nil, "operand 2 is [3 5], want [2 L 5]"},
		{PhraseScores{}, []Shape{{2, 8, 11, 5}, {2, 3, 5}}, nil, "operand 1 is [2 8 11 5], want [B S T]"},
		{PhraseScores{}, []Shape{{2, 88, 5}}, nil, "1 operands"},

		{Candidates{0.05, 7}, []Shape{scores, {2, 8, 11, 1}, {2, 8, 11, 4}}, Shape{2, 7, 8}, ""},
		{Candidates{0, 1000}, []Shape{scores, {2, 88, 1}, {2, 88, 4}}, Shape{2, 1000, 8}, ""},
		{Candidates{0.05, 7}, []Shape{{2, 8, 11, 3}, {2, 88, 1}, {2, 88, 4}}, nil, "operand 1 is [2 8 11 3], want [B S L]"},
		{Candidates{0.05, 7}, []Shape{scores, {2, 88, 2}, {2, 88, 4}}, nil, "operand 2 is [2 88 2], want [2 s * 1]"},
		{Candidates{0.05, 7}, []Shape{scores, {1, 88, 1}, {2, 88, 4}}, nil, "operand 2 is [1 88 1], want [2 s * 1]"},
		{Candidates{0.05, 7}, []Shape{scores, {2, 88, 1}, {2, 8, 10, 4}}, nil, "want [2, 88, 4]"},
		{Candidates{0.05, 7}, []Shape{scores, {2, 1}, {2, 88, 4}}, nil, "operand 2 is [2 1], want [2 s * 1]"},
		{Candidates{0.05, 0}, []Shape{scores, {2, 88, 1}, {2, 88, 4}}, nil, "limit 0"},
		{Candidates{-1, 7}, []Shape{scores, {2, 88, 1}, {2, 88, 4}}, nil, "threshold -1"},
		{Candidates{math.NaN(), 7}, []Shape{scores, {2, 88, 1}, {2, 88, 4}}, nil, "threshold NaN"},
		{Candidates{0.05, 7}, []Shape{{1, 1 << 22, 4}, {1, 1 << 22, 1}, {1, 1 << 22, 4}}, nil, "2^24"},
		{Candidates{0.05, 7}, []Shape{scores}, nil, "1 operands"},
	}
}
