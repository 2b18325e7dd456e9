package eval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Limits of results in LVIS' protocols.
const (
	LVISLimit = 300    // of a picture, over all categories
	LVISFixed = 10_000 // of a category, over all pictures: the "fixed" AP
)

// LVISParams say what is evaluated and how; the zero value is that of lvis-api.
type LVISParams struct {
	Categories, Pictures []int64 // ids; nil for all
	Limit                int     // results of a picture that count; 0 for [LVISLimit]

	// Fixed, if above 0, takes instead of that limit so many results of each category over all pictures (Dave et al. 2021), as GLIP
	// does with [LVISFixed].
	Fixed int
}

// LVISEvaluation is what came out for LVIS.
type LVISEvaluation struct {
	*Evaluation
	Limit int       // of a picture; -1 where there is none
	Few   int       // with fixed AP: categories that have fewer results than may count
	Group [3][]int  // places in Categories of the rare, common and frequent ones
	Stats LVISStats // what is reported
}

// LVISStats are the thirteen numbers that LVIS reports, -1 for those of which there are no truths. AR are those of all results that the limit
// leaves.
type LVISStats struct {
	AP, AP50, AP75, APs, APm, APl, APr, APc, APf, AR, ARs, ARm, ARl float64
}

// LVIS evaluates detections as lvis-api does for boxes or, with [LVISParams.Fixed], as GLIP's evaluator. A result of a picture that the
// annotations do not have is an error there and passed over here with fixed AP, as in the references. Errors wrap [ErrInput] or are the context's.
func LVIS(ctx context.Context, truths *Truths, found []Found, p LVISParams) (*LVISEvaluation, error) {
	if p.Limit < 0 || p.Fixed < 0 {
		return nil, fmt.Errorf("eval: %w: limits of %d and %d results, want 0 or more", ErrInput, p.Limit, p.Fixed)
	}
	e := &LVISEvaluation{Limit: cmp.Or(p.Limit, LVISLimit)}
	params := Params{Categories: p.Categories, Pictures: p.Pictures, Caps: []int{math.MaxInt}}.complete(truths)
	if err := params.check(found); err != nil {
		return nil, err
	}
	judged, err := federate(truths, params)
	if err != nil {
		return nil, err
	}
	if p.Fixed > 0 {
		e.Limit = -1
		found, e.Few = best(found, params.Categories, p.Fixed)
	} else if found, err = limited(truths, found, e.Limit); err != nil {
		return nil, err
	}
	kept := make([]Found, 0, len(found))
	for _, f := range found {
		if float64(f.Box[2]*f.Box[3]) > 0 && judged.judges(f.Picture, f.Category) {
			kept = append(kept, f)
		}
	}
	e.Evaluation, err = evaluate(ctx, task{Params: params, truths: judged.truths, found: kept, lax: judged.lax})
	if err != nil {
		return nil, err
	}
	e.summarise(truths)
	return e, nil
}

// federation is which categories are judged in which pictures.
type federation struct {
	truths  []Truth
	about   map[int64]*Picture
	present map[[2]int64]bool // picture and category
}

// federate finds it, and the truths that count: those that have an area.
func federate(truths *Truths, p Params) (*federation, error) {
	for _, id := range p.Pictures {
		if about := truths.About[id]; about == nil || about.Absent == nil {
			return nil, fmt.Errorf("eval: %w: picture %d has no neg_category_ids, which say what LVIS judges in it", ErrInput, id)
		}
	}
	f := &federation{about: truths.About, present: map[[2]int64]bool{}}
	f.truths = p.listed(truths, func(t Truth) bool { return t.Area > 0 })
	for i := range f.truths {
		f.truths[i].Crowd = false // LVIS has none
		f.present[[2]int64{f.truths[i].Picture, f.truths[i].Category}] = true
	}
	return f, nil
}

// judges says whether results of a category count in a picture: where it is known to be, or not to be.
func (f *federation) judges(picture, category int64) bool {
	about := f.about[picture]
	return about != nil && (f.present[[2]int64{picture, category}] || slices.Contains(about.Absent, category))
}

// lax says whether a picture's annotations of a category are not all.
func (f *federation) lax(picture, category int64) bool {
	return slices.Contains(f.about[picture].Partial, category)
}

// limited keeps the best results of each picture, over all categories, also those that are not judged.
func limited(truths *Truths, found []Found, most int) ([]Found, error) {
	known := numbered(truths.Pictures)
	byPicture := map[int64][]int{}
	for i, f := range found {
		if _, ok := known[f.Picture]; !ok {
			return nil, fmt.Errorf("eval: %w: result %d is of picture %d, which the annotations do not have", ErrInput, i, f.Picture)
		}
		byPicture[f.Picture] = append(byPicture[f.Picture], i)
	}
	left := make([]bool, len(found))
	for _, list := range byPicture {
		byScore(found, list)
		for _, i := range list[min(most, len(list)):] {
			left[i] = true
		}
	}
	kept := make([]Found, 0, len(found))
	for i, f := range found {
		if !left[i] {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// best keeps the best results of each category over all pictures; of equal ones those of the picture that came first. few counts the categories
// that have less.
func best(found []Found, categories []int64, most int) (kept []Found, few int) {
	first := map[int64]int{} // when a picture came
	byCategory := make([][]int, len(categories))
	for i, f := range found {
		if _, ok := first[f.Picture]; !ok {
			first[f.Picture] = len(first)
		}
		if c, ok := slices.BinarySearch(categories, f.Category); ok {
			byCategory[c] = append(byCategory[c], i)
		}
	}
	for _, list := range byCategory {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(first[found[a].Picture], first[found[b].Picture]) })
		byScore(found, list)
		if len(list) < most {
			few++
		}
		for _, i := range list[:min(most, len(list))] {
			kept = append(kept, found[i])
		}
	}
	return kept, few
}

// byScore sorts places in a list of results by falling score; equal ones stay as they are.
func byScore(found []Found, list []int) {
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(found[b].Score, found[a].Score) })
}

// summarise fills in groups and numbers.
func (e *LVISEvaluation) summarise(truths *Truths) {
	at := numbered(e.Categories)
	frequency := make([]string, len(e.Categories))
	for _, c := range truths.Categories {
		if k, ok := at[c.ID]; ok {
			frequency[k] = c.Frequency
		}
	}
	for g, name := range []string{"r", "c", "f"} {
		e.Group[g] = []int{} // not nil, which stands for all
		for k := range frequency {
			if frequency[k] == name {
				e.Group[g] = append(e.Group[g], k)
			}
		}
	}
	e.Stats = LVISStats{
		AP: e.precision(-1, 0, 0, nil), AP50: e.precision(0.5, 0, 0, nil), AP75: e.precision(0.75, 0, 0, nil),
		APs: e.precision(-1, 1, 0, nil), APm: e.precision(-1, 2, 0, nil), APl: e.precision(-1, 3, 0, nil),
		APr: e.precision(-1, 0, 0, e.Group[0]), APc: e.precision(-1, 0, 0, e.Group[1]), APf: e.precision(-1, 0, 0, e.Group[2]),
		AR: e.recall(0, 0, nil), ARs: e.recall(1, 0, nil), ARm: e.recall(2, 0, nil), ARl: e.recall(3, 0, nil),
	}
}

// String is the table that lvis-api prints.
func (e *LVISEvaluation) String() string {
	s, p := e.Stats, e.lines()
	all := func(recall bool, overlap, area string, v float64) {
		p.line(recall, overlap, area, e.Limit, "catIds=all", v)
	}
	all(false, "", "all", s.AP)
	all(false, "0.50", "all", s.AP50)
	all(false, "0.75", "all", s.AP75)
	all(false, "", "s", s.APs)
	all(false, "", "m", s.APm)
	all(false, "", "l", s.APl)
	for g, v := range []float64{s.APr, s.APc, s.APf} {
		p.line(false, "", "all", e.Limit, "catIds=  "+"rcf"[g:g+1], v)
	}
	all(true, "", "all", s.AR)
	all(true, "", "s", s.ARs)
	all(true, "", "m", s.ARm)
	all(true, "", "l", s.ARl)
	return p.String()
}
