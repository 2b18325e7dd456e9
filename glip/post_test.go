package glip_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// apart is the largest distance of two boxes' corners, infinite for what is no number.
func apart(a, b glip.Box) float64 {
	worst := 0.0
	for i, v := range a.Corners() {
		if d := math.Abs(v - b.Corners()[i]); !(d <= math.MaxFloat64) {
			return math.Inf(1)
		} else if d > worst {
			worst = d
		}
	}
	return worst
}

// TestAnchors: the first of each level is the cell anchor of the specification (glip.md,
// section 7), the others are moved by whole strides, x before y.
func TestAnchors(t *testing.T) {
	cfg := preset(t, "glip-t")
	for _, tc := range []struct {
		level, y, x int
		want        glip.Box
	}{
		{0, 0, 0, glip.Box{X1: -28, Y1: -28, X2: 35, Y2: 35}},
		{1, 0, 0, glip.Box{X1: -56, Y1: -56, X2: 71, Y2: 71}},
		{2, 0, 0, glip.Box{X1: -112, Y1: -112, X2: 143, Y2: 143}},
		{3, 0, 0, glip.Box{X1: -224, Y1: -224, X2: 287, Y2: 287}},
		{4, 0, 0, glip.Box{X1: -448, Y1: -448, X2: 575, Y2: 575}},
		{0, 5, 10, glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75}},
		{4, 1, 2, glip.Box{X1: -192, Y1: -320, X2: 831, Y2: 703}},
	} {
		if got := cfg.Anchor(tc.level, tc.y, tc.x); got != tc.want {
			t.Errorf("level %d, y %d, x %d: %v, want %v", tc.level, tc.y, tc.x, got, tc.want)
		}
	}
}

// TestDecode has the check of the specification (glip.md, section 7), and what follows from
// the definition: no deltas give the anchor back, growth is bounded, the center moves by
// tenths of the size.
func TestDecode(t *testing.T) {
	anchor := glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75} // 64 x 64 around (83.5, 43.5)
	for _, tc := range []struct {
		name           string
		dx, dy, dw, dh float64
		want           glip.Box
		tolerance      float64
	}{
		{"the specification's", 1, -2, 0.5, -0.25, glip.Box{X1: 55.034531, Y1: 0.760658, X2: 124.765469, Y2: 60.639342}, 1e-6},
		{"nothing", 0, 0, 0, 0, anchor, 0},
		{"a tenth", 1, 0, 0, 0, glip.Box{X1: 58.4, Y1: 12, X2: 121.4, Y2: 75}, 1e-12},
		{"twice as wide", 0, 0, 5 * math.Ln2, 0, glip.Box{X1: 20, Y1: 12, X2: 147, Y2: 75}, 1e-12},
		{"as large as may be", 0, 0, 100, 5 * math.Log(62.5), glip.Box{X1: 83.5 - 1999.5, Y1: 43.5 - 1999.5, X2: 83.5 + 1999.5, Y2: 43.5 + 1999.5}, 1e-9},
		{"as small as may be", 0, 0, -1000, -1000, glip.Box{X1: 84, Y1: 44, X2: 83, Y2: 43}, 1e-12},
	} {
		if got := glip.Decode(anchor, tc.dx, tc.dy, tc.dw, tc.dh); !(apart(got, tc.want) <= tc.tolerance) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		if got := glip.Decode(anchor, bad, 0, 0, 0); !(math.IsNaN(got.X1) || math.IsInf(got.X1, 0)) {
			t.Errorf("a delta of %v gives %v", bad, got)
		}
	}
}

func TestClip(t *testing.T) {
	for _, tc := range []struct{ box, want glip.Box }{
		{glip.Box{X1: -1, Y1: -2, X2: 100, Y2: 200}, glip.Box{X2: 19, Y2: 9}},
		{glip.Box{X1: 1.5, Y1: 2.5, X2: 18.5, Y2: 8.5}, glip.Box{X1: 1.5, Y1: 2.5, X2: 18.5, Y2: 8.5}},
		{glip.Box{X1: 30, Y1: 30, X2: 40, Y2: 40}, glip.Box{X1: 19, Y1: 9, X2: 19, Y2: 9}},
	} {
		if got := tc.box.Clip(10, 20); got != tc.want {
			t.Errorf("%v becomes %v, want %v", tc.box, got, tc.want)
		}
	}
	if got := (glip.Box{X1: math.NaN()}).Clip(10, 20); !math.IsNaN(got.X1) {
		t.Errorf("no number becomes %v", got)
	}
}

// TestIoU counts whole pixels: two boxes of 10 x 10 have corners 9 apart.
func TestIoU(t *testing.T) {
	a := glip.Box{X1: 0, Y1: 0, X2: 9, Y2: 9}
	for _, tc := range []struct {
		name string
		b    glip.Box
		want float64
	}{
		{"itself", a, 1},
		{"half of it", glip.Box{X1: 0, Y1: 0, X2: 9, Y2: 4}, 0.5},
		{"moved by half", glip.Box{X1: 5, Y1: 0, X2: 14, Y2: 9}, 50.0 / 150},
		{"one column in common", glip.Box{X1: 9, Y1: 0, X2: 18, Y2: 9}, 10.0 / 190},
		{"beside it", glip.Box{X1: 10, Y1: 0, X2: 19, Y2: 9}, 0},
		{"far away", glip.Box{X1: 100, Y1: 100, X2: 109, Y2: 109}, 0},
		{"one pixel", glip.Box{X1: 3, Y1: 3, X2: 3, Y2: 3}, 0.01},
	} {
		if got, back := glip.IoU(a, tc.b), glip.IoU(tc.b, a); got != tc.want || back != tc.want {
			t.Errorf("%s: %v and %v, want %v", tc.name, got, back, tc.want)
		}
	}
}

// square is a detection of 10 x 10 pixels.
func square(x, score float64, label int) glip.Detection {
	return glip.Detection{Box: glip.Box{X1: x, Y1: 0, X2: x + 9, Y2: 9}, Score: score, Label: label}
}

// TestSuppress: a move by 2 leaves 8 columns of 12 in common, 2/3; by 3 7 of 13, 0.54.
func TestSuppress(t *testing.T) {
	for _, tc := range []struct {
		name string
		list []glip.Detection
		iou  float64
		want []int // indices
	}{
		{"nothing", nil, 0.6, nil},
		{"the better stays", []glip.Detection{square(0, 0.5, 1), square(2, 0.9, 1)}, 0.6, []int{1}},
		{"far enough", []glip.Detection{square(0, 0.5, 1), square(3, 0.9, 1)}, 0.6, []int{0, 1}},
		{"another label", []glip.Detection{square(0, 0.5, 1), square(2, 0.9, 2)}, 0.6, []int{0, 1}},
		{"as much as the limit", []glip.Detection{square(0, 0.5, 1), square(2, 0.9, 1)}, 2.0 / 3, []int{0, 1}},
		{"equal scores: the first", []glip.Detection{square(2, 0.5, 1), square(0, 0.5, 1), square(1, 0.5, 1)}, 0.6, []int{0}},
		{"what is suppressed suppresses nothing", []glip.Detection{square(0, 0.9, 1), square(2, 0.8, 1), square(4, 0.7, 1)}, 0.6, []int{0, 2}},
		{"order of the argument", []glip.Detection{square(90, 0.1, 1), square(60, 0.3, 2), square(30, 0.2, 1)}, 0.6, []int{0, 1, 2}},
		{"no limit", []glip.Detection{square(0, 0.5, 1), square(0, 0.9, 1)}, 1, []int{0, 1}},
		{"one of each label", []glip.Detection{square(0, 0.5, 1), square(50, 0.9, 1), square(50, 0.1, 2)}, -1, []int{1, 2}},
		{"any overlap", []glip.Detection{square(0, 0.5, 1), square(9, 0.9, 1), square(30, 0.1, 1)}, 0, []int{1, 2}},
	} {
		before := slices.Clone(tc.list)
		got := glip.Suppress(tc.list, tc.iou)
		if !slices.Equal(tc.list, before) {
			t.Errorf("%s: the argument was changed", tc.name)
		}
		var want []glip.Detection
		for _, i := range tc.want {
			want = append(want, tc.list[i])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tc.name, got, want)
		}
	}
}

// candidate is a row: q, p, position, label, deltas.
func candidate(q float64, position, label int, deltas ...float32) []float32 {
	row := make([]float32, graph.CandidateFields)
	row[0], row[1], row[2], row[3] = float32(q), 1, float32(position), float32(label)
	copy(row[4:], deltas)
	return row
}

// found collects the rows of the levels that are given; a row of zeros ends each.
func found(levels ...[][]float32) [][]float32 {
	list := make([][]float32, glip.Levels)
	for l, rows := range levels {
		list[l] = slices.Concat(rows...)
	}
	for l := range list {
		list[l] = append(list[l], make([]float32, 2*graph.CandidateFields)...)
	}
	return list
}

// frame is a picture of 90 x 150 in one of 96 x 160 pixels (height x width): P3 is 12 x 20.
var frame = glip.Frame{PaddedHeight: 96, PaddedWidth: 160, Height: 90, Width: 150}

func TestDetections(t *testing.T) {
	cfg := preset(t, "glip-t")
	at := func(y, x int) int { return y*20 + x }
	check := glip.Box{X1: 55.034531, Y1: 0.760658, X2: 124.765469, Y2: 60.639342}
	for _, tc := range []struct {
		name   string
		levels [][]float32
		limits glip.Limits
		want   []glip.Detection
	}{
		{"none", found(), glip.Limits{}, nil},
		{"no rows at all", make([][]float32, glip.Levels), glip.Limits{}, nil},
		{"the specification's", found([][]float32{candidate(0.25, at(5, 10), 3, 1, -2, 0.5, -0.25)}), glip.Limits{}, []glip.Detection{{Box: check, Score: 0.5, Label: 3}}},
		{"clipped to the picture, not to the padding", found([][]float32{candidate(0.25, at(11, 19), 1)}), glip.Limits{},
			[]glip.Detection{{Box: glip.Box{X1: 124, Y1: 60, X2: 149, Y2: 89}, Score: 0.5, Label: 1}}},
		{"levels have grids of their own", found(nil, [][]float32{candidate(0.25, 10+3, 1)}), glip.Limits{}, // y 1, x 3 of 6 x 10
			[]glip.Detection{{Box: glip.Box{X1: 0, Y1: 0, X2: 119, Y2: 87}, Score: 0.5, Label: 1}}},
		{"by score", found([][]float32{candidate(0.04, at(5, 10), 1), candidate(0.01, at(5, 10), 2)}, [][]float32{candidate(0.09, 13, 3)}), glip.Limits{}, []glip.Detection{
			{Box: glip.Box{X1: 0, Y1: 0, X2: 119, Y2: 87}, Score: 0.3, Label: 3},
			{Box: glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75}, Score: 0.2, Label: 1},
			{Box: glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75}, Score: 0.1, Label: 2},
		}},
		{"suppressed", found([][]float32{candidate(0.04, at(5, 10), 1), candidate(0.01, at(5, 11), 1)}), glip.Limits{}, []glip.Detection{
			{Box: glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75}, Score: 0.2, Label: 1}}},
		{"not suppressed", found([][]float32{candidate(0.04, at(5, 10), 1), candidate(0.01, at(5, 11), 1)}), glip.Limits{IoU: 0.9}, []glip.Detection{
			{Box: glip.Box{X1: 52, Y1: 12, X2: 115, Y2: 75}, Score: 0.2, Label: 1}, {Box: glip.Box{X1: 60, Y1: 12, X2: 123, Y2: 75}, Score: 0.1, Label: 1}}},
		{"a row behind zeros is none", [][]float32{slices.Concat(make([]float32, 8), candidate(1, 0, 1)), nil, nil, nil, nil}, glip.Limits{}, nil},
	} {
		got, err := glip.Detections(cfg, tc.levels, frame, tc.limits)
		if err != nil || len(got) != len(tc.want) {
			t.Errorf("%s: %v, %v, want %v", tc.name, got, err, tc.want)
			continue
		}
		for i, w := range tc.want {
			if g := got[i]; g.Label != w.Label || !(math.Abs(g.Score-w.Score) <= 1e-7) || !(apart(g.Box, w.Box) <= 1e-5) {
				t.Errorf("%s: detection %d is %v, want %v", tc.name, i, g, w)
			}
		}
	}
}

// TestDetectionsCount keeps the best, and with the last of them those of equal score: the
// original takes what is at or above the score of that place.
func TestDetectionsCount(t *testing.T) {
	cfg := preset(t, "glip-t")
	var rows [][]float32
	for i, q := range []float64{0.9, 0.8, 0.5, 0.5, 0.5, 0.3} {
		rows = append(rows, candidate(q, i, i+1))
	}
	for count, want := range map[int]int{1: 1, 2: 2, 3: 5, 4: 5, 5: 5, 6: 6, 7: 6, 0: 6, -1: 6} {
		got, err := glip.Detections(cfg, found(rows), frame, glip.Limits{Count: count})
		if err != nil || len(got) != want {
			t.Errorf("Count %d leaves %d, %v, want %d", count, len(got), err, want)
		}
	}
	rows = nil
	for i := range 150 {
		rows = append(rows, candidate(0.9-float64(i)/1000, i, i+1))
	}
	if got, err := glip.Detections(cfg, found(rows), frame, glip.Limits{}); err != nil || len(got) != glip.DefaultDetections {
		t.Errorf("the default leaves %d, %v", len(got), err)
	}
}

// TestDetectionsNotFinite: what is no number is refused, and the error says where it is.
func TestDetectionsNotFinite(t *testing.T) {
	cfg := preset(t, "glip-t")
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, row := range map[string][]float32{
		"center":   candidate(0.5, 45, 1, 0, nan, 0, 0),
		"far off":  candidate(0.5, 45, 1, inf, 0, 0, 0), // clipped it would be a border
		"size":     candidate(0.5, 45, 1, 0, 0, nan, 0),
		"score":    candidate(float64(inf), 45, 1),
		"no score": candidate(float64(nan), 45, 1),
		"negative": candidate(-0.5, 45, 1),
	} {
		_, err := glip.Detections(cfg, found(nil, nil, [][]float32{row}), frame, glip.Limits{})
		if !errors.Is(err, glip.ErrNotFinite) || !strings.Contains(fmt.Sprint(err), "level p5, position 45") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, n := range []int{0, 4, 6} {
		if _, err := glip.Detections(cfg, make([][]float32, n), frame, glip.Limits{}); !errors.Is(err, graph.ErrShape) {
			t.Errorf("candidates of %d levels: %v", n, err)
		}
	}
}

func TestBoxJSON(t *testing.T) {
	data, err := json.Marshal([]glip.Box{{X1: 1.5, Y1: 2, X2: 3, Y2: 4.25}})
	if err != nil || string(data) != "[[1.5,2,3,4.25]]" {
		t.Fatalf("%s, %v", data, err)
	}
	var back []glip.Box
	if err := json.Unmarshal(data, &back); err != nil || back[0] != (glip.Box{X1: 1.5, Y1: 2, X2: 3, Y2: 4.25}) {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`["a"]`), &back); err == nil {
		t.Error("a word passes for a box")
	}
}
