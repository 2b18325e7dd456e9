package eval_test

import (
	"cmp"
	"math"
	"slices"

	"github.com/glipvk/glipvk/eval"
)

// oracle measures as pycocotools and lvis-api do, in plain loops that share nothing with the package, and can be told to make a mistake.
type oracle struct {
	mistake    string // as variants.json calls it; "" for none
	truths     *eval.Truths
	found      []eval.Found
	thresholds []float64
	caps       []int
	lvis       bool
}

// numbers are what an oracle gives: of each category and area the AP at each threshold and the recall, all at the last cap; nil without truths.
type numbers struct {
	ap     [][4][]float64 // mean of precision over recalls
	recall [][4][]float64
	curves [][4][][]float64 // precision at each recall
}

type oracleResult struct {
	eval.Found
	order int
}

// is says whether a mistake is to be made.
func (o *oracle) is(mistake string) bool { return o.mistake == mistake }

// run measures.
func (o *oracle) run() numbers {
	if o.is("iou-thresholds-exact") {
		o.thresholds = nil
		for i := range 10 {
			o.thresholds = append(o.thresholds, float64(50+5*i)/100)
		}
	}
	pictures := slices.Clone(o.truths.Pictures)
	slices.Sort(pictures)
	var ids []int64
	for _, c := range o.truths.Categories {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	found := o.prepared()
	if o.is("picture-order-of-results") {
		first := map[int64]int{}
		for _, f := range found {
			if _, ok := first[f.Picture]; !ok {
				first[f.Picture] = len(first)
			}
		}
		slices.SortStableFunc(pictures, func(a, b int64) int {
			at := func(id int64) int {
				if n, ok := first[id]; ok {
					return n
				}
				return len(first)
			}
			return cmp.Compare(at(a), at(b))
		})
	}
	var n numbers
	for _, category := range ids {
		var ap, recall [4][]float64
		var curves [4][][]float64
		for a := range 4 {
			ap[a], recall[a], curves[a] = o.category(pictures, category, found, a)
		}
		n.ap, n.recall, n.curves = append(n.ap, ap), append(n.recall, recall), append(n.curves, curves)
	}
	return n
}

// prepared are the results after what is done with all of them at once.
func (o *oracle) prepared() []oracleResult {
	var list []oracleResult
	for i, f := range o.found {
		if o.is("score-float32") {
			f.Score = float64(float32(f.Score))
		}
		if o.is("score-threshold") && f.Score < 0.05 {
			continue
		}
		list = append(list, oracleResult{f, i})
	}
	if o.is("cap-over-categories") {
		return o.limit(list, o.caps[len(o.caps)-1], func(f eval.Found) [2]int64 { return [2]int64{f.Picture} })
	}
	if !o.lvis {
		return list
	}
	judged := func(list []oracleResult) []oracleResult {
		return slices.DeleteFunc(list, func(r oracleResult) bool { return !o.judged(r.Found) })
	}
	picture := func(f eval.Found) [2]int64 { return [2]int64{f.Picture} }
	both := func(f eval.Found) [2]int64 { return [2]int64{f.Picture, f.Category} }
	switch o.mistake {
	case "limit-after-federated":
		return o.limit(judged(list), 300, picture)
	case "lvis-limit-per-category":
		return judged(o.limit(list, 300, both))
	case "lvis-no-limit":
		return judged(list)
	case "cap-100-per-category":
		return judged(o.limit(list, 100, both))
	}
	return judged(o.limit(list, 300, picture))
}

// limit keeps the best of each group.
func (o *oracle) limit(list []oracleResult, most int, group func(eval.Found) [2]int64) []oracleResult {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b oracleResult) int { return cmp.Compare(b.Score, a.Score) })
	count := map[[2]int64]int{}
	sorted = slices.DeleteFunc(sorted, func(r oracleResult) bool {
		count[group(r.Found)]++
		return count[group(r.Found)] > most
	})
	slices.SortFunc(sorted, func(a, b oracleResult) int { return cmp.Compare(a.order, b.order) })
	return sorted
}

// judged is LVIS' rule of what counts.
func (o *oracle) judged(f eval.Found) bool {
	if f.Box[2]*f.Box[3] <= 0 && !o.is("lvis-zero-area-kept") {
		return false
	}
	if o.is("federated-off") || slices.Contains(o.truths.About[f.Picture].Absent, f.Category) {
		return true
	}
	return slices.ContainsFunc(o.truths.List, func(t eval.Truth) bool {
		return t.Picture == f.Picture && t.Category == f.Category && (t.Area > 0 || o.is("lvis-zero-area-kept"))
	})
}

var oracleAreas = [4][2]float64{{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}}

func (o *oracle) outside(v float64, a int) bool {
	r := oracleAreas[a]
	return v < r[0] || v > r[1] || o.is("area-half-open") && v >= r[1]
}

// ignored says whether a truth is.
func (o *oracle) ignored(t eval.Truth, a int) bool {
	area := t.Area
	if o.is("area-from-box") {
		area = t.Box[2] * t.Box[3]
	}
	if o.outside(area, a) {
		return true
	}
	switch {
	case o.is("lvis-crowd"):
		return t.Crowd || t.Ignore
	case o.lvis:
		return t.Ignore
	case o.is("ignore-honoured"):
		return t.Crowd || t.Ignore
	}
	return t.Crowd && !o.is("crowd-as-object")
}

// overlap is that of a result and a truth.
func (o *oracle) overlap(d, g eval.Box, crowd bool) float64 {
	one := 0.0
	if o.is("iou-plus-one") {
		one = 1
	}
	if o.is("iou-float32") {
		f := func(v float64) float32 { return float32(v) }
		w := min(f(d[0])+f(d[2]), f(g[0])+f(g[2])) - max(f(d[0]), f(g[0]))
		h := min(f(d[1])+f(d[3]), f(g[1])+f(g[3])) - max(f(d[1]), f(g[1]))
		if w <= 0 || h <= 0 {
			return 0
		}
		both := float32(w * h)
		union := float32(f(d[2]) * f(d[3]))
		if !crowd {
			union = union + float32(f(g[2])*f(g[3])) - both
		}
		return float64(both / union)
	}
	w := math.Min(d[0]+d[2], g[0]+g[2]) - math.Max(d[0], g[0]) + one
	h := math.Min(d[1]+d[3], g[1]+g[3]) - math.Max(d[1], g[1]) + one
	if w <= 0 || h <= 0 {
		return 0
	}
	both, union := float64(w*h), float64((d[2]+one)*(d[3]+one))
	if !crowd || o.is("crowd-iou-union") {
		union = float64(union+float64((g[2]+one)*(g[3]+one))) - both
	}
	return both / union
}

// fate is what became of a result.
type fate struct{ hit, ignored bool }

// category pools one category in one range of areas.
func (o *oracle) category(pictures []int64, category int64, found []oracleResult, a int) (ap, recall []float64, curves [][]float64) {
	type pooled struct {
		score float64
		fates []fate
	}
	var all []pooled
	truths := 0
	for _, picture := range pictures {
		things, results := o.of(picture, category, found)
		if len(things) == 0 && len(results) == 0 {
			continue
		}
		if o.is("pictures-without-truth-skipped") && !slices.ContainsFunc(o.truths.List, func(t eval.Truth) bool { return t.Picture == picture }) {
			continue
		}
		for _, t := range things {
			if !o.ignored(t, a) || o.is("ignored-in-recall") {
				truths++
			}
		}
		fates := o.match(things, results, a)
		for i, r := range results {
			all = append(all, pooled{r.Score, fates[i]})
		}
	}
	if truths == 0 {
		return nil, nil, nil
	}
	if o.is("ties-reversed") {
		slices.Reverse(all)
	}
	slices.SortStableFunc(all, func(x, y pooled) int { return cmp.Compare(y.score, x.score) })
	for t := range o.thresholds {
		var rc, pr []float64
		tp, fp := 0, 0
		for _, p := range all {
			f := p.fates[t]
			if o.is("ignored-match-counts") && f.hit {
				f.ignored = false
			}
			if !f.ignored {
				if f.hit {
					tp++
				} else {
					fp++
				}
			}
			epsilon := 0x1p-52
			if o.is("no-epsilon") {
				epsilon = 0
			}
			precision := 0.0
			if tp > 0 {
				precision = float64(tp) / (float64(fp+tp) + epsilon)
			}
			rc, pr = append(rc, float64(tp)/float64(truths)), append(pr, precision)
		}
		mean, last, curve := o.summary(rc, pr)
		ap, recall, curves = append(ap, mean), append(recall, last), append(curves, curve)
	}
	return ap, recall, curves
}

// of are the truths and results of a picture and category, results by falling score.
func (o *oracle) of(picture, category int64, found []oracleResult) (things []eval.Truth, results []oracleResult) {
	for _, t := range o.truths.List {
		if t.Picture == picture && t.Category == category && (!o.lvis || t.Area > 0 || o.is("lvis-zero-area-kept")) {
			things = append(things, t)
		}
	}
	for _, r := range found {
		if r.Picture == picture && r.Category == category {
			results = append(results, r)
		}
	}
	if o.is("ties-reversed") {
		slices.Reverse(results)
	}
	slices.SortStableFunc(results, func(a, b oracleResult) int { return cmp.Compare(b.Score, a.Score) })
	if !o.lvis {
		results = results[:min(len(results), o.caps[len(o.caps)-1])]
	}
	return things, results
}

// summary is the mean precision over recalls, the last recall and the curve.
func (o *oracle) summary(rc, pr []float64) (mean, last float64, curve []float64) {
	if !o.is("no-envelope") {
		for j := len(pr) - 1; j > 0; j-- {
			pr[j-1] = math.Max(pr[j-1], pr[j])
		}
	}
	if len(rc) > 0 {
		last = rc[len(rc)-1]
	}
	if o.is("area-under-curve") {
		before := 0.0
		for j := range rc {
			mean += (rc[j] - before) * pr[j]
			before = rc[j]
		}
		return mean, last, nil
	}
	n := 100
	if o.is("recall-11") {
		n = 10
	}
	for r := range n + 1 {
		wanted := float64(r*100/n) * 0.01
		if r == n {
			wanted = 1
		}
		if o.is("recall-thresholds-exact") || o.is("recall-11") {
			wanted = float64(r) / float64(n)
		}
		v := 0.0
		for j := range rc {
			if rc[j] >= wanted && !(o.is("recall-right") && rc[j] == wanted) {
				v = pr[j]
				break
			}
		}
		curve = append(curve, v)
		mean += v / float64(n+1)
	}
	return mean, last, curve
}
