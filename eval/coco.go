package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ErrInput is wrapped by errors about annotations or results that cannot be evaluated. Remedy: the message says what is wrong
// with which.
var ErrInput = errors.New("nothing that can be evaluated")

// Box is x, y of the upper left corner, width and height.
type Box [4]float64

// FromCorners is the box that GLIP writes for inclusive corners, in float32 as it does (COCO and ODinW; its LVIS results have
// no one more).
func FromCorners(x1, y1, x2, y2 float32) Box {
	return Box{float64(x1), float64(y1), float64(x2 - x1 + 1), float64(y2 - y1 + 1)}
}

// Truth is an annotated thing.
type Truth struct {
	ID, Picture, Category int64
	Box                   Box
	Area                  float64 // the annotation's own, not that of the box
	Crowd                 bool
}

// Found is a detection.
type Found struct {
	Picture, Category int64
	Box               Box
	Score             float64
}

// Truths is a set of annotated pictures.
type Truths struct {
	Pictures   []int64
	Categories []Category
	List       []Truth // in the file's order
}

// Category is a class of things.
type Category struct {
	ID   int64
	Name string
}

// Params say what is evaluated and how; the zero value is COCO's.
type Params struct {
	Categories, Pictures []int64   // ids; nil for all
	Caps                 []int     // results of a picture and category that count, three; nil for 1, 10, 100
	Thresholds           []float64 // of the overlap; nil for 0.5 to 0.95
	Agnostic             bool      // categories do not matter; the caps are of a picture
}

// Sizes of results.
const (
	recalls = 101
	areas   = 4
	caps    = 3
)

// areaRanges are all, small, medium and large, both ends included.
var areaRanges = [areas][2]float64{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}

// Evaluation is what came out. Precision and Scores are [thresholds][101 recalls][categories][4 areas][3 caps], Recall is
// [thresholds][categories][4 areas][3 caps]; -1 where there is no truth.
type Evaluation struct {
	Params                    Params
	Categories                []int64 // ascending; one, -1, where they do not matter
	Precision, Scores, Recall []float64
}

// COCO evaluates detections as pycocotools' COCOeval does for boxes. Errors wrap [ErrInput] or are the context's.
func COCO(ctx context.Context, truths *Truths, found []Found, p Params) (*Evaluation, error) {
	e := &Evaluation{Params: p.complete(truths)}
	p = e.Params
	groups, err := e.grouped(truths, found)
	if err != nil {
		return nil, err
	}
	if e.Categories = p.Categories; p.Agnostic {
		e.Categories = []int64{-1}
	}
	k, t := len(e.Categories), len(p.Thresholds)
	fill := func(n int) []float64 { return slices.Repeat([]float64{-1}, n) }
	e.Precision, e.Scores, e.Recall = fill(t*recalls*k*areas*caps), fill(t*recalls*k*areas*caps), fill(t*k*areas*caps)
	for ki, category := range e.Categories {
		for a, area := range areaRanges {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var list []matched
			for _, picture := range p.Pictures {
				if g, ok := groups[key{picture, category}]; ok {
					list = append(list, g.match(p, area))
				}
			}
			for m, most := range p.Caps {
				e.pool(list, most, ki, a, m)
			}
		}
	}
	return e, nil
}

// complete fills in what is not said, and sorts.
func (p Params) complete(truths *Truths) Params {
	unique := func(given, all []int64) []int64 {
		if given == nil {
			given = all
		}
		list := slices.Clone(given)
		slices.Sort(list)
		return slices.Compact(list)
	}
	var categories []int64
	for _, c := range truths.Categories {
		categories = append(categories, c.ID)
	}
	p.Categories, p.Pictures = unique(p.Categories, categories), unique(p.Pictures, truths.Pictures)
	if p.Caps = slices.Clone(p.Caps); p.Caps == nil {
		p.Caps = []int{1, 10, 100}
	}
	slices.Sort(p.Caps)
	if p.Thresholds == nil {
		first, last := 0.5, 0.95 // rounded at every step, as the reference's are: the ninth is below 0.9
		for i := range 10 {
			p.Thresholds = append(p.Thresholds, first+float64(float64(i)*((last-first)/9)))
		}
		p.Thresholds[9] = last
	}
	return p
}

// key names the truths and results that are matched with each other.
type key struct{ picture, category int64 }

// group are those of one picture and category.
type group struct {
	truths []Truth
	found  []Found // by falling score
}

// grouped sorts everything into groups.
func (e *Evaluation) grouped(truths *Truths, found []Found) (map[key]*group, error) {
	p := e.Params
	if len(p.Caps) != caps || p.Caps[0] < 1 {
		return nil, fmt.Errorf("eval: %w: caps %v, want three numbers from 1 on", ErrInput, p.Caps)
	}
	known := map[int64]bool{}
	for _, id := range truths.Pictures {
		known[id] = true
	}
	wanted := func(list []int64, id int64) bool { _, ok := slices.BinarySearch(list, id); return ok }
	groups := map[key]*group{}
	at := func(picture, category int64) *group {
		if p.Agnostic {
			category = -1
		}
		k := key{picture, category}
		if groups[k] == nil {
			groups[k] = &group{}
		}
		return groups[k]
	}
	for _, t := range e.indexed(truths) {
		if wanted(p.Pictures, t.Picture) && wanted(p.Categories, t.Category) {
			g := at(t.Picture, t.Category)
			g.truths = append(g.truths, t)
		}
	}
	for i, f := range found {
		switch {
		case !known[f.Picture]:
			return nil, fmt.Errorf("eval: %w: result %d is of picture %d, which the annotations do not have", ErrInput, i, f.Picture)
		case f.Score != f.Score:
			return nil, fmt.Errorf("eval: %w: the score of result %d is no number", ErrInput, i)
		case wanted(p.Pictures, f.Picture) && wanted(p.Categories, f.Category):
			g := at(f.Picture, f.Category)
			g.found = append(g.found, f)
		}
	}
	for _, g := range groups {
		if p.Agnostic { // category by category, then by score
			slices.SortStableFunc(g.truths, func(a, b Truth) int { return cmp.Compare(a.Category, b.Category) })
			slices.SortStableFunc(g.found, func(a, b Found) int { return cmp.Compare(a.Category, b.Category) })
		}
		slices.SortStableFunc(g.found, func(a, b Found) int { return cmp.Compare(b.Score, a.Score) })
		g.found = g.found[:min(len(g.found), p.Caps[caps-1])]
	}
	return groups, nil
}

// indexed lists the truths picture by picture. Of several with one id the last stands for each.
func (e *Evaluation) indexed(truths *Truths) []Truth {
	last := map[int64]Truth{}
	byPicture := map[int64][]Truth{}
	for _, t := range truths.List {
		last[t.ID] = t
		byPicture[t.Picture] = append(byPicture[t.Picture], t)
	}
	var list []Truth
	for _, picture := range e.Params.Pictures {
		for _, t := range byPicture[picture] {
			if _, ok := slices.BinarySearch(e.Params.Categories, t.Category); ok || e.Params.Agnostic {
				list = append(list, last[t.ID])
			}
		}
	}
	return list
}

// overlap is the intersection of two boxes over their union, over the area of the result where the truth is a crowd.
func overlap(d, g Box, crowd bool) float64 {
	w := math.Min(d[0]+d[2], g[0]+g[2]) - math.Max(d[0], g[0])
	if w <= 0 {
		return 0
	}
	h := math.Min(d[1]+d[3], g[1]+g[3]) - math.Max(d[1], g[1])
	if h <= 0 {
		return 0
	}
	both := float64(w * h)
	union := float64(d[2] * d[3])
	if !crowd {
		union = float64(union+float64(g[2]*g[3])) - both
	}
	return both / union
}

// matched is what became of a group's results at each threshold.
type matched struct {
	scores  []float64
	hit     [][]bool // of each threshold and result
	ignored [][]bool
	truths  int // that are not ignored
}

// match finds for each result the truth it shows.
func (g *group) match(p Params, area [2]float64) matched {
	outside := func(v float64) bool { return v < area[0] || v > area[1] }
	truths := slices.Clone(g.truths)
	ignored := func(t Truth) bool { return t.Crowd || outside(t.Area) }
	slices.SortStableFunc(truths, func(a, b Truth) int {
		return cmp.Compare(bit(ignored(a)), bit(ignored(b)))
	})
	m := matched{}
	for _, t := range truths {
		m.truths += 1 - bit(ignored(t))
	}
	overlaps := make([][]float64, len(g.found))
	for i, f := range g.found {
		m.scores = append(m.scores, f.Score)
		for _, t := range truths {
			overlaps[i] = append(overlaps[i], overlap(f.Box, t.Box, t.Crowd))
		}
	}
	for _, threshold := range p.Thresholds {
		hit, forgiven, taken := make([]bool, len(g.found)), make([]bool, len(g.found)), make([]bool, len(truths))
		for i, f := range g.found {
			best, at := math.Min(threshold, 1-1e-10), -1
			for k, t := range truths {
				if taken[k] && !t.Crowd {
					continue
				}
				if at >= 0 && !ignored(truths[at]) && ignored(t) {
					break
				}
				if overlaps[i][k] < best {
					continue
				}
				best, at = overlaps[i][k], k
			}
			if at >= 0 {
				taken[at] = true
				hit[i], forgiven[i] = truths[at].ID != 0, ignored(truths[at]) // the reference takes an id of 0 for none
			}
			if !hit[i] && outside(float64(f.Box[2]*f.Box[3])) {
				forgiven[i] = true
			}
		}
		m.hit, m.ignored = append(m.hit, hit), append(m.ignored, forgiven)
	}
	return m
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// result is one among those of all pictures.
type result struct {
	score   float64
	picture int
	index   int
}

// pool joins the pictures of category number ki, area a and cap number m, which is most results.
func (e *Evaluation) pool(list []matched, most, ki, a, m int) {
	var all []result
	truths := 0
	for i, g := range list {
		truths += g.truths
		for k, score := range g.scores[:min(most, len(g.scores))] {
			all = append(all, result{score, i, k})
		}
	}
	if truths == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b result) int { return cmp.Compare(b.score, a.score) })
	k := len(e.Categories)
	for t := range e.Params.Thresholds {
		var recall, precision, scores []float64
		hits, misses := 0, 0
		for _, r := range all {
			if g := list[r.picture]; !g.ignored[t][r.index] {
				hits += bit(g.hit[t][r.index])
				misses += 1 - bit(g.hit[t][r.index])
			}
			recall = append(recall, float64(hits)/float64(truths))
			precision = append(precision, float64(hits)/(float64(misses+hits)+0x1p-52))
			scores = append(scores, r.score)
		}
		for j := len(precision) - 1; j > 0; j-- {
			precision[j-1] = math.Max(precision[j-1], precision[j])
		}
		last := 0.0
		if len(recall) > 0 {
			last = recall[len(recall)-1]
		}
		e.Recall[((t*k+ki)*areas+a)*caps+m] = last
		for r := range recalls {
			at := (((t*recalls+r)*k+ki)*areas+a)*caps + m
			e.Precision[at], e.Scores[at] = 0, 0
			wanted := float64(r) * 0.01
			if r == recalls-1 {
				wanted = 1
			}
			if i, _ := slices.BinarySearch(recall, wanted); i < len(recall) {
				e.Precision[at], e.Scores[at] = precision[i], scores[i]
			}
		}
	}
}

// Stats are the twelve numbers that COCO reports, -1 for those of which there are no truths.
type Stats struct {
	AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl float64
}

// Stats summarises an evaluation. AP is of at most 100 results, -1 where the caps do not name 100, as in the reference.
func (e *Evaluation) Stats() Stats {
	hundred := slices.Index(e.Params.Caps, 100)
	s := Stats{AP: -1}
	if hundred >= 0 {
		s.AP = e.precision(-1, 0, hundred, -1)
	}
	s.AP50, s.AP75 = e.precision(0.5, 0, 2, -1), e.precision(0.75, 0, 2, -1)
	s.APs, s.APm, s.APl = e.precision(-1, 1, 2, -1), e.precision(-1, 2, 2, -1), e.precision(-1, 3, 2, -1)
	s.AR1, s.AR10, s.AR100 = e.recall(0, 0, -1), e.recall(0, 1, -1), e.recall(0, 2, -1)
	s.ARs, s.ARm, s.ARl = e.recall(1, 2, -1), e.recall(2, 2, -1), e.recall(3, 2, -1)
	return s
}

// CategoryAP is the AP of a category by its place in Categories, and that at an overlap of one half; -1 without truths.
func (e *Evaluation) CategoryAP(k int) (ap, ap50 float64) {
	return e.precision(-1, 0, 2, k), e.precision(0.5, 0, 2, k)
}

// CategoryAR is the mean recall of a category.
func (e *Evaluation) CategoryAR(k int) float64 { return e.recall(0, 2, k) }

// precision is the mean over recalls, categories and thresholds, or at one threshold, or of one category.
func (e *Evaluation) precision(threshold float64, area, cap, category int) float64 {
	var list []float64
	k := len(e.Categories)
	for t, v := range e.Params.Thresholds {
		if threshold >= 0 && v != threshold {
			continue
		}
		for r := range recalls {
			for ki := range k {
				if v := e.Precision[(((t*recalls+r)*k+ki)*areas+area)*caps+cap]; v > -1 && (category < 0 || ki == category) {
					list = append(list, v)
				}
			}
		}
	}
	return mean(list)
}

func (e *Evaluation) recall(area, cap, category int) float64 {
	var list []float64
	k := len(e.Categories)
	for t := range e.Params.Thresholds {
		for ki := range k {
			if v := e.Recall[((t*k+ki)*areas+area)*caps+cap]; v > -1 && (category < 0 || ki == category) {
				list = append(list, v)
			}
		}
	}
	return mean(list)
}

// mean sums as NumPy does, so that the last bit is the reference's; -1 of nothing.
func mean(list []float64) float64 {
	if len(list) == 0 {
		return -1
	}
	total := 0.0
	for rest := list; len(rest) > 0; rest = rest[min(len(rest), 8192):] {
		total += pairwise(rest[:min(len(rest), 8192)])
	}
	return total / float64(len(list))
}

func pairwise(x []float64) float64 {
	n := len(x)
	if n > 128 {
		half := n / 2
		half -= half % 8
		return pairwise(x[:half]) + pairwise(x[half:])
	}
	if n < 8 {
		sum := 0.0
		for _, v := range x {
			sum += v
		}
		return sum
	}
	var r [8]float64
	copy(r[:], x)
	i := 8
	for ; i+8 <= n; i += 8 {
		for k := range r {
			r[k] += x[i+k]
		}
	}
	sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for ; i < n; i++ {
		sum += x[i]
	}
	return sum
}

// String is the table that pycocotools prints.
func (e *Evaluation) String() string {
	s := e.Stats()
	var b strings.Builder
	line := func(recall bool, overlap, area string, cap int, v float64) {
		title, kind := "Average Precision", "(AP)"
		if recall {
			title, kind = "Average Recall", "(AR)"
		}
		fmt.Fprintf(&b, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n", title, kind, overlap, area, cap, v)
	}
	span := fmt.Sprintf("%0.2f:%0.2f", e.Params.Thresholds[0], e.Params.Thresholds[len(e.Params.Thresholds)-1])
	c := e.Params.Caps
	line(false, span, "all", 100, s.AP)
	line(false, "0.50", "all", c[2], s.AP50)
	line(false, "0.75", "all", c[2], s.AP75)
	for i, v := range []float64{s.APs, s.APm, s.APl} {
		line(false, span, []string{"small", "medium", "large"}[i], c[2], v)
	}
	for i, v := range []float64{s.AR1, s.AR10, s.AR100} {
		line(true, span, "all", c[i], v)
	}
	for i, v := range []float64{s.ARs, s.ARm, s.ARl} {
		line(true, span, []string{"small", "medium", "large"}[i], c[2], v)
	}
	return b.String()
}
