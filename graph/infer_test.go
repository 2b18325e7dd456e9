package graph

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// inferRow is an operation on shapes: the shape that results, or, where want is
// nil, what the refusal must say.
type inferRow struct {
	op   Op
	in   []Shape
	want Shape
	says string
}

// inferRows has a good row for each operation and a refused one for each rule.
func inferRows() []inferRow {
	x := Shape{2, 8, 12, 6} // [B, H, W, C]
	nan, inf := math.NaN(), math.Inf(1)
	return []inferRow{
		{Input{Shape{2, 3}}, nil, Shape{2, 3}, ""},
		{Input{Shape{2, 3}}, []Shape{{1}}, nil, "1 operands"},
		{Param{Shape{4}}, nil, Shape{4}, ""},

		{Patches{4}, []Shape{{2, 3, 9, 8}}, Shape{2, 3, 2, 48}, ""},
		{Patches{4}, []Shape{{1, 3, 1, 1}}, Shape{1, 1, 1, 48}, ""},
		{Patches{0}, []Shape{{2, 3, 9, 8}}, nil, "patch size 0"},
		{Patches{4}, []Shape{{3, 9, 8}}, nil, "[3 9 8]"},
		{Patches{4}, nil, nil, "0 operands"},

		{Linear{}, []Shape{{5, 7, 6}, {4, 6}}, Shape{5, 7, 4}, ""},
		{Linear{}, []Shape{{5, 48}, {4, 3, 4, 4}, {4}}, Shape{5, 4}, ""},
		{Linear{}, []Shape{{5, 6}, {4, 7}}, nil, "rows of 6"},
		{Linear{}, []Shape{{5, 6}, {6}}, nil, "operand 2 is [6], want [N k *]"},
		{Linear{}, []Shape{{}, {4, 1}}, nil, "operand 1 is [], want [* K]"},
		{Linear{}, []Shape{{5, 6}, {4, 6}, {6}}, nil, "operand 3 is [6], want [4]"},
		{Linear{}, []Shape{{5, 6}}, nil, "1 operands"},

		{LayerNorm{1e-5}, []Shape{x, {6}, {6}}, x, ""},
		{LayerNorm{1e-5}, []Shape{x, {6}, {8}}, nil, "operand 3 is [8], want [6]"},
		{LayerNorm{1e-5}, []Shape{x, {8}, {6}}, nil, "operand 2 is [8], want [6]"},
		{LayerNorm{1e-5}, []Shape{x}, nil, "1 operands"},
		{LayerNorm{0}, []Shape{x, {6}, {6}}, nil, "eps 0"},
		{LayerNorm{nan}, []Shape{x, {6}, {6}}, nil, "eps NaN"},

		{GELU{}, []Shape{x}, x, ""},
		{GELU{}, []Shape{x, x}, nil, "2 operands"},

		{Add{}, []Shape{x, x}, x, ""},
		{Add{}, []Shape{{6, 4, 9, 9}, {3, 1, 9, 9}}, Shape{6, 4, 9, 9}, ""},
		{Add{}, []Shape{{6, 4, 9, 9}, {4, 9, 9}}, Shape{6, 4, 9, 9}, ""},
		{Add{}, []Shape{{6, 4}, {4, 1, 4}}, nil, "more axes"},
		{Add{}, []Shape{{6, 4}, {4, 4}}, nil, "axis 0"},
		{Add{}, []Shape{{1, 4}, {2, 4}}, nil, "axis 0"},
		{Add{}, []Shape{x}, nil, "1 operands"},

		{Pad{10, 12}, []Shape{x}, Shape{2, 10, 12, 6}, ""},
		{Pad{7, 12}, []Shape{x}, nil, "would cut"},
		{Pad{8, 11}, []Shape{x}, nil, "would cut"},
		{Pad{8, 12}, []Shape{{8, 12, 6}}, nil, "operand 1 is [8 12 6], want [B H W C]"},

		{Crop{8, 5}, []Shape{x}, Shape{2, 8, 5, 6}, ""},
		{Crop{9, 5}, []Shape{x}, nil, "would enlarge"},
		{Crop{8, 13}, []Shape{x}, nil, "would enlarge"},
		{Crop{8, 5}, []Shape{{8}}, nil, "operand 1 is [8], want [B H W C]"},

		{Roll{-7, 11}, []Shape{x}, x, ""},
		{Roll{8, 0}, []Shape{x}, nil, "one turn"},
		{Roll{0, -12}, []Shape{x}, nil, "one turn"},
		{Roll{0, 0}, []Shape{{8}}, nil, "operand 1 is [8], want [B H W C]"},

		{WindowPartition{4}, []Shape{x}, Shape{12, 16, 6}, ""},
		{WindowPartition{3}, []Shape{x}, nil, "whole windows of 3"},
		{WindowPartition{8}, []Shape{x}, nil, "whole windows of 8"},
		{WindowPartition{0}, []Shape{x}, nil, "whole windows of 0"},
		{WindowPartition{4}, []Shape{{12, 16, 6}}, nil, "operand 1 is [12 16 6], want [B H W C]"},

		{WindowReverse{4, 8, 12}, []Shape{{12, 16, 6}}, x, ""},
		{WindowReverse{4, 8, 12}, []Shape{{13, 16, 6}}, nil, "do not fill"},
		{WindowReverse{4, 8, 12}, []Shape{{12, 9, 6}}, nil, "do not fill"},
		{WindowReverse{4, 9, 12}, []Shape{{12, 16, 6}}, nil, "whole windows"},
		{WindowReverse{4, 0, 12}, []Shape{{12, 16, 6}}, nil, "whole windows"},
		{WindowReverse{4, 8, 12}, []Shape{x}, nil, "operand 1 is [2 8 12 6], want [N n C]"},

		{Scores{2, 0.5}, []Shape{{3, 16, 24}}, Shape{3, 2, 16, 16}, ""},
		{Scores{3, 0.5}, []Shape{{3, 16, 24}}, nil, "3 heads"},
		{Scores{0, 0.5}, []Shape{{3, 16, 24}}, nil, "0 heads"},
		{Scores{2, 0.5}, []Shape{{16, 24}}, nil, "operand 1 is [16 24], want [G n q]"},
		{Scores{2, inf}, []Shape{{3, 16, 24}}, nil, "scale"},
		{Scores{2, 0.5}, nil, nil, "0 operands"},

		{PositionBias{4}, []Shape{{49, 3}}, Shape{3, 16, 16}, ""},
		{PositionBias{3}, []Shape{{49, 3}}, nil, "want [25, h]"},
		{PositionBias{0}, []Shape{{1, 3}}, nil, "window 0"},
		{PositionBias{4}, []Shape{{49}}, nil, "[49]"},

		{ShiftMask{8, 12, 4, 2}, nil, Shape{6, 1, 16, 16}, ""},
		{ShiftMask{8, 13, 4, 2}, nil, nil, "whole windows"},
		{ShiftMask{8, 0, 4, 2}, nil, nil, "whole windows"},
		{ShiftMask{8, 12, 4, 0}, nil, nil, "shift 0"},
		{ShiftMask{8, 12, 4, 4}, nil, nil, "want 1 to 3"},
		{ShiftMask{8, 12, 4, 2}, []Shape{{1}}, nil, "1 operands"},

		{Softmax{}, []Shape{{3, 4}}, Shape{3, 4}, ""},
		{Softmax{}, []Shape{{}}, nil, "operand 1 is [], want [* n]"},
		{Softmax{}, nil, nil, "0 operands"},

		{Context{2}, []Shape{{3, 2, 16, 16}, {3, 16, 24}}, Shape{3, 16, 8}, ""},
		{Context{2}, []Shape{{3, 1, 16, 16}, {3, 16, 24}}, nil, "probabilities [3 1 16 16], want [G, 2, n, n]"},
		{Context{5}, []Shape{{3, 5, 16, 16}, {3, 16, 24}}, nil, "5 heads"},
		{Context{2}, []Shape{{3, 16, 24}}, nil, "1 operands"},

		{MergePatches{}, []Shape{{2, 7, 5, 6}}, Shape{2, 4, 3, 24}, ""},
		{MergePatches{}, []Shape{{7, 5, 6}}, nil, "operand 1 is [7 5 6], want [B H W C]"},

		{ResizePosition{5, 9}, []Shape{{1, 16, 6}}, Shape{1, 5, 9, 6}, ""},
		{ResizePosition{5, 9}, []Shape{{1, 15, 6}}, nil, "a square"},
		{ResizePosition{5, 9}, []Shape{{2, 16, 6}}, nil, "operand 1 is [2 16 6], want [1 L C]"},
		{ResizePosition{5, 9}, []Shape{{16, 6}}, nil, "operand 1 is [16 6], want [1 L C]"},

		{ChannelsFirst{}, []Shape{x}, Shape{2, 6, 8, 12}, ""},
		{ChannelsFirst{}, []Shape{{8, 12, 6}}, nil, "operand 1 is [8 12 6], want [B H W C]"},
	}
}

func TestInfer(t *testing.T) {
	good, refused := map[string]int{}, map[string]int{}
	for _, r := range slices.Concat(inferRows(), detectorRows(), groundingRows(), gradientRows()) {
		got, err := new(sizes).infer(r.op, r.in...)
		if r.want != nil {
			good[Kind(r.op)]++
			if err != nil || !got.Equal(r.want) {
				t.Errorf("%s %v: %v, %v; want %v", describe(r.op), r.in, got, err, r.want)
			}
			continue
		}
		refused[Kind(r.op)]++
		if !errors.Is(err, ErrShape) || !strings.Contains(err.Error(), r.says) {
			t.Errorf("%s %v: %v, error %v; want a refusal that says %q", describe(r.op), r.in, got, err, r.says)
		}
	}
	for _, op := range Kinds() {
		if good[Kind(op)] == 0 || refused[Kind(op)] == 0 {
			t.Errorf("%s has %d good rows and %d refused ones", Kind(op), good[Kind(op)], refused[Kind(op)])
		}
	}
}

// TestInferDoesNotShareShapes changes a result and looks at the operand.
func TestInferDoesNotShareShapes(t *testing.T) {
	x := Shape{5, 6}
	got, err := new(sizes).infer(Linear{}, x, Shape{4, 6})
	if err != nil {
		t.Fatal(err)
	}
	got[0] = 99
	if x[0] != 5 {
		t.Error("Linear's shape is its operand's")
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		s                    Shape
		elements, rows, last int
		text                 string
		ok                   bool
	}{
		{nil, 1, 1, 1, "[]", true},
		{Shape{7}, 7, 1, 7, "[7]", true},
		{Shape{2, 3, 4}, 24, 6, 4, "[2 3 4]", true},
		{Shape{2, 0}, 0, 2, 0, "[2 0]", false},
		{Shape{-2, -3}, 6, -2, -3, "[-2 -3]", false},
	} {
		if c.s.Elements() != c.elements || c.s.Rows() != c.rows || c.s.Last() != c.last || c.s.String() != c.text || (c.s.check() == nil) != c.ok {
			t.Errorf("%v: %d elements, %d rows of %d, check %v", c.s, c.s.Elements(), c.s.Rows(), c.s.Last(), c.s.check())
		}
	}
	huge := Shape{math.MaxInt32, math.MaxInt32, math.MaxInt32}
	if err := huge.check(); !errors.Is(err, ErrShape) {
		t.Errorf("%v passes: %v", huge, err)
	}
	if (Shape{1, 2}).Equal(Shape{1, 2, 1}) || !(Shape{1, 2}).Equal(Shape{1, 2}) {
		t.Error("Equal is wrong")
	}
}
