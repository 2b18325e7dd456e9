package eval_test

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/eval"
)

// match says what became of each result at each threshold.
func (o *oracle) match(things []eval.Truth, results []oracleResult, a int) [][]fate {
	if !o.is("ignored-not-last") {
		things = slices.Clone(things)
		slices.SortStableFunc(things, func(x, y eval.Truth) int {
			switch {
			case o.ignored(x, a) == o.ignored(y, a):
				return 0
			case o.ignored(y, a):
				return -1
			}
			return 1
		})
	}
	fates := make([][]fate, len(results))
	for _, threshold := range o.thresholds {
		taken := make([]bool, len(things))
		for i, r := range results {
			at := o.best(things, taken, r.Box, threshold, a)
			var f fate
			if at >= 0 {
				taken[at] = true
				f = fate{things[at].ID != 0 || o.is("id-zero-fixed"), o.ignored(things[at], a)}
			}
			out := o.outside(r.Box[2]*r.Box[3], a) && !o.is("unmatched-outside-counts")
			if o.lvis && !o.is("not-exhaustive-counts") && slices.Contains(o.truths.About[r.Picture].Partial, r.Category) {
				out = true
			}
			if !f.hit && out {
				f.ignored = true
			}
			fates[i] = append(fates[i], f)
		}
	}
	return fates
}

// best is the truth that a result takes; -1 for none.
func (o *oracle) best(things []eval.Truth, taken []bool, box eval.Box, threshold float64, a int) int {
	if o.is("best-truth-only") {
		return o.bestOfAll(things, taken, box, threshold)
	}
	best, at := math.Min(threshold, 1-1e-10), -1
	for k, t := range things {
		crowd := t.Crowd && !o.lvis && !o.is("crowd-as-object")
		if taken[k] && !(crowd && !o.is("crowd-once")) {
			continue
		}
		if at >= 0 && !o.ignored(things[at], a) && o.ignored(t, a) && !o.is("no-break-at-ignored") {
			break
		}
		v := o.overlap(box, t.Box, crowd)
		if v < best || o.is("iou-strict") && v <= threshold || o.is("equal-iou-first") && at >= 0 && v == best {
			continue
		}
		best, at = v, k
		if o.is("first-match") {
			break
		}
	}
	return at
}

// bestOfAll is the truth that a result overlaps most, if nobody took it: PASCAL VOC's rule.
func (o *oracle) bestOfAll(things []eval.Truth, taken []bool, box eval.Box, threshold float64) int {
	most, at := -1.0, -1
	for k, t := range things {
		if v := o.overlap(box, t.Box, t.Crowd && !o.lvis); v > most {
			most, at = v, k
		}
	}
	if at < 0 || most < math.Min(threshold, 1-1e-10) || taken[at] && !things[at].Crowd {
		return -1
	}
	return at
}
