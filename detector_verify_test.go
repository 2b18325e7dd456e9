package glipvk

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
)

// fiveDetections of two labels, whose scores fall from 0.9 to 0.5.
func fiveDetections() []Detection {
	var list []Detection
	for i := range 5 {
		x := float64(10 * i)
		list = append(list, Detection{Box: glip.Box{X1: x, Y1: 1, X2: x + 30, Y2: 20}, Score: 0.9 - x/100, Label: 1 + i%2})
	}
	return list
}

// pass says whether all of a comparison is within what is allowed.
func pass(t *testing.T, list []Difference) bool {
	t.Helper()
	if _, err := json.Marshal(list); err != nil {
		t.Error(err)
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(d Difference) bool { return !d.OK() })
}

// TestSameDetections refuses a list in which anything was changed, and takes one that is as
// far off as may be, by the rule of each precision.
func TestSameDetections(t *testing.T) {
	want := fiveDetections()
	for _, r := range []struct {
		name            string
		rule            sameness
		score, corner   float64 // just within what is allowed
		score2, corner2 float64 // beyond
	}{
		{"f32", sameInF32, 9e-5, 0.045, 2e-4, 0.06}, {"f16", sameInF16, 0.035, 1.8, 0.045, 2.2},
	} {
		r.rule.scale, r.rule.limit = 1, 0.6
		same := func(got, want []Detection) bool { return pass(t, r.rule.compare(got, want)) }
		for name, change := range map[string]func([]Detection) []Detection{
			"score": func(l []Detection) []Detection { l[1].Score += r.score2; return l },
			"corner": func(l []Detection) []Detection {
				for i := range l {
					l[i].Box.X2 += r.corner2
				}
				return l
			},
			"moved":    func(l []Detection) []Detection { l[1].Box.X2 += 35; return l },
			"label":    func(l []Detection) []Detection { l[1].Label = 3 - l[1].Label; return l },
			"missing":  func(l []Detection) []Detection { return l[1:] },
			"twice":    func(l []Detection) []Detection { return append(l, l[0]) },
			"none":     func([]Detection) []Detection { return nil },
			"no score": func(l []Detection) []Detection { l[1].Score = math.NaN(); return l },
			"no box":   func(l []Detection) []Detection { l[1].Box.X1 = math.NaN(); return l },
		} {
			if same(change(slices.Clone(want)), want) {
				t.Errorf("%s, %s: the doctored list passes", r.name, name)
			}
		}
		near := slices.Clone(want)
		near[2].Score += r.score
		near[3].Box.Y2 -= r.corner
		slices.Reverse(near)
		if !same(near, want) || !same(nil, nil) || same(want, nil) {
			t.Errorf("%s: lists that are near enough, or empty, are said to differ, or some to be none", r.name)
		}
	}
}

// TestSameNearTheThreshold: in f16 a detection may be missing whose score is near the lowest, in f32 none may.
func TestSameNearTheThreshold(t *testing.T) {
	want := fiveDetections()
	want[3].Score = want[4].Score + 0.04
	for _, missing := range []int{3, 4} {
		got := slices.Delete(slices.Clone(want), missing, missing+1)
		if !pass(t, sameInF16.compare(got, want)) || !pass(t, sameInF16.compare(want, got)) {
			t.Errorf("f16: detection %d of score %v may be missing beside %v", missing, want[missing].Score, want[4].Score)
		}
		if pass(t, sameInF32.compare(got, want)) || pass(t, sameInF32.compare(want, got)) {
			t.Errorf("f32: a missing detection %d passes", missing)
		}
	}
}

// TestSameScales: corners are compared in pixels of the input, and by a fiftieth of the longer side in f16.
func TestSameScales(t *testing.T) {
	want := []Detection{{Box: glip.Box{X1: 0, Y1: 0, X2: 300, Y2: 50}, Score: 0.9, Label: 1}, {Box: glip.Box{X1: 5, Y1: 5, X2: 20, Y2: 20}, Score: 0.8, Label: 1},
		{Box: glip.Box{X1: 5, Y1: 5, X2: 20, Y2: 20}, Score: 0.5, Label: 2}}
	moved := func(i int, by float64) []Detection {
		got := slices.Clone(want)
		got[i].Box.X2 += by
		return got
	}
	rule := sameInF16
	rule.scale, rule.doubts = 3, 0
	for _, c := range []struct {
		got []Detection
		ok  bool
	}{{moved(0, 5.9), true}, {moved(0, 6.1), false}, {moved(1, 5.9), true}, {moved(1, 6.1), false}} {
		if pass(t, rule.compare(c.got, want)) != c.ok {
			t.Errorf("at scale 3 %+v is the same: %v", c.got, !c.ok)
		}
	}
	rule.scale = 1
	if !pass(t, rule.compare(moved(0, 5.9), want)) || pass(t, rule.compare(moved(1, 5.9), want)) {
		t.Error("want 6 pixels for a side of 300, 2 for one of 15")
	}
	exact := sameInF32
	exact.scale = 4 // pixels of the picture for one of the input
	if !pass(t, exact.compare(moved(0, 0.19), want)) || pass(t, exact.compare(moved(0, 0.21), want)) {
		t.Error("f32 at scale 4: want 0.2 pixels of the picture")
	}
}

// TestSameInDoubt: in f16 one in ten may be another of two boxes that cover each other, or be
// there or not where an overlap is the limit; boxes that are all moved are not the same.
func TestSameInDoubt(t *testing.T) {
	var want []Detection
	for i := range 12 {
		x := float64(100 * i)
		want = append(want, Detection{Box: glip.Box{X1: x, Y1: 0, X2: x + 39, Y2: 39}, Score: 0.9 - float64(i)/50, Label: 1})
	}
	rule := sameInF16
	rule.scale, rule.limit = 1, 0.6
	exchange := func(list []Detection, n int, by float64) []Detection {
		list = slices.Clone(list)
		for i := range n {
			list[i].Box.X1, list[i].Box.X2, list[i].Score = list[i].Box.X1+by, list[i].Box.X2+by, list[i].Score-0.03
		}
		return list
	}
	border := append(slices.Clone(want), want[0])
	border[12].Box.X1, border[12].Box.X2, border[12].Score = 10, 49, 0.85 // overlaps the first by 0.6
	twice := append(slices.Clone(want), want[0])
	for name, c := range map[string]struct {
		got  []Detection
		same bool
	}{
		"one exchanged":                {exchange(want, 1, 6), true},
		"two of twelve exchanged":      {exchange(want, 2, 6), true},
		"a quarter exchanged":          {exchange(want, 3, 6), false},
		"all moved":                    {exchange(want, 12, 6), false},
		"one that overlaps too little": {exchange(want, 1, 14), false},
		"one at the limit more":        {border, true},
		"one twice":                    {twice, false},
		"one less":                     {want[1:], false},
	} {
		for _, lists := range [][2][]Detection{{c.got, want}, {want, c.got}} {
			if pass(t, rule.compare(lists[0], lists[1])) != c.same {
				t.Errorf("f16, %s: said to be the same: %v", name, !c.same)
			}
			if pass(t, sameInF32.compare(lists[0], lists[1])) {
				t.Errorf("f32, %s: said to be the same", name)
			}
		}
	}
}
