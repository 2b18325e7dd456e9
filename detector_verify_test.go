package glipvk

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/glip"
)

// TestSameDetections refuses a list in which anything was changed, and takes one that is as
// far off as may be.
func TestSameDetections(t *testing.T) {
	var want []Detection
	for i := range 5 {
		x := float64(10 * i)
		want = append(want, Detection{Box: glip.Box{X1: x, Y1: 1, X2: x + 30, Y2: 20}, Score: 0.9 - x/100, Label: 1 + i%2})
	}
	same := func(got, want []Detection) bool {
		ok := true
		list := sameDetections(got, want)
		for _, d := range list {
			ok = ok && d.OK()
		}
		if _, err := json.Marshal(list); err != nil {
			t.Error(err)
		}
		return ok
	}
	for name, change := range map[string]func([]Detection) []Detection{
		"score":    func(l []Detection) []Detection { l[2].Score += 2e-4; return l },
		"corner":   func(l []Detection) []Detection { l[2].Box.X2 += 0.06; return l },
		"moved":    func(l []Detection) []Detection { l[2].Box.X2 += 5; return l },
		"label":    func(l []Detection) []Detection { l[2].Label = 3 - l[2].Label; return l },
		"missing":  func(l []Detection) []Detection { return l[1:] },
		"twice":    func(l []Detection) []Detection { return append(l, l[0]) },
		"none":     func([]Detection) []Detection { return nil },
		"no score": func(l []Detection) []Detection { l[2].Score = math.NaN(); return l },
		"no box":   func(l []Detection) []Detection { l[2].Box.X1 = math.NaN(); return l },
	} {
		if same(change(slices.Clone(want)), want) {
			t.Errorf("%s: the doctored list passes", name)
		}
	}
	near := slices.Clone(want)
	near[2].Score += 9e-5
	near[3].Box.Y2 -= 0.045
	slices.Reverse(near)
	if !same(near, want) || !same(nil, nil) || same(want, nil) {
		t.Error("lists that are near enough, or empty, are said to differ, or some to be none")
	}
}
