package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
	Crowd                 bool    // COCO's iscrowd; LVIS knows none
	Ignore                bool    // the annotation's own; COCO does not heed it, LVIS does
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
	List       []Truth            // in the file's order
	About      map[int64]*Picture // what else is known of pictures, by id; may be nil, but for LVIS
}

// Picture is what annotations say of a picture besides its id.
type Picture struct {
	File          string // below the folder of pictures; LVIS: the last two parts of coco_url
	Name          string // what labels call it; "" where that is File
	Width, Height int
	Absent        []int64 // LVIS: categories that are known not to be there; nil where the file does not say
	Partial       []int64 // LVIS: categories of which not all are annotated
}

// Category is a class of things.
type Category struct {
	ID        int64
	Name      string
	Frequency string // LVIS: r, c or f, of how many pictures of the training set show it
}

// Params say what is evaluated and how; the zero value is COCO's.
type Params struct {
	Categories, Pictures []int64   // ids; nil for all
	Caps                 []int     // results of a picture and category that count, three; nil for 1, 10, 100
	Thresholds           []float64 // of the overlap, ascending, 64 at most; nil for 0.5 to 0.95
	Agnostic             bool      // categories do not matter; the caps are of a picture
}

// Sizes of results.
const (
	recalls        = 101
	areas          = 4
	cocoCaps       = 3
	mostThresholds = 64 // a result's fate at each is a bit
)

// areaRanges are all, small, medium and large, both ends included.
var areaRanges = [areas][2]float64{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}

// Evaluation is what came out. Precision and Scores are [thresholds][101 recalls][categories][4 areas][caps], Recall is
// [thresholds][categories][4 areas][caps]; -1 where there is no truth. COCO has three caps, LVIS one.
type Evaluation struct {
	Params                    Params
	Categories                []int64 // ascending; one, -1, where they do not matter
	Precision, Scores, Recall []float64

	pools []*pool // of each category, of all areas: what resampling and choosing a score need
}

// COCO evaluates detections as pycocotools' COCOeval does for boxes. Errors wrap [ErrInput] or are the context's.
func COCO(ctx context.Context, truths *Truths, found []Found, p Params) (*Evaluation, error) {
	p = p.complete(truths)
	if len(p.Caps) != cocoCaps || p.Caps[0] < 1 {
		return nil, fmt.Errorf("eval: %w: caps %v, want three numbers from 1 on", ErrInput, p.Caps)
	}
	known := numbered(truths.Pictures)
	for i, f := range found {
		if _, ok := known[f.Picture]; !ok {
			return nil, fmt.Errorf("eval: %w: result %d is of picture %d, which the annotations do not have", ErrInput, i, f.Picture)
		}
	}
	list := p.listed(truths, nil)
	for i := range list {
		list[i].Ignore = false // overwritten by iscrowd there
	}
	return evaluate(ctx, task{Params: p, truths: list, found: found})
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
	categories := make([]int64, 0, len(truths.Categories))
	for _, c := range truths.Categories {
		categories = append(categories, c.ID)
	}
	p.Categories, p.Pictures = unique(p.Categories, categories), unique(p.Pictures, truths.Pictures)
	if p.Caps = slices.Clone(p.Caps); p.Caps == nil {
		p.Caps = []int{1, 10, 100}
	}
	slices.Sort(p.Caps)
	if p.Thresholds == nil {
		first, last := 0.5, 0.95 // rounded at every step, as the references' are: the ninth is below 0.9
		for i := range 10 {
			p.Thresholds = append(p.Thresholds, first+float64(float64(i)*((last-first)/9)))
		}
		p.Thresholds[9] = last
	}
	return p
}

// check refuses numbers that nothing can be made of.
func (p Params) check(found []Found) error {
	if n := len(p.Thresholds); n < 1 || n > mostThresholds {
		return fmt.Errorf("eval: %w: %d thresholds of the overlap, want 1 to %d", ErrInput, n, mostThresholds)
	}
	for i, f := range found {
		if f.Score != f.Score {
			return fmt.Errorf("eval: %w: the score of result %d is no number", ErrInput, i)
		}
		if sum := f.Box[0] + f.Box[1] + f.Box[2] + f.Box[3]; math.IsNaN(sum) {
			return fmt.Errorf("eval: %w: the box of result %d is %v", ErrInput, i, f.Box)
		}
	}
	return nil
}

// listed lists the truths picture by picture, those that keep takes or, where it is nil, all. Of several with one id the last
// stands for each: the references look annotations up by their id.
func (p Params) listed(truths *Truths, keep func(Truth) bool) []Truth {
	last := make(map[int64]int, len(truths.List))
	byPicture := make([][]int, len(p.Pictures))
	at := numbered(p.Pictures)
	for i, t := range truths.List {
		last[t.ID] = i
		if k, ok := at[t.Picture]; ok && (p.Agnostic || has(p.Categories, t.Category)) && (keep == nil || keep(t)) {
			byPicture[k] = append(byPicture[k], i)
		}
	}
	list := make([]Truth, 0, len(truths.List))
	for _, of := range byPicture {
		for _, i := range of {
			list = append(list, truths.List[last[truths.List[i].ID]])
		}
	}
	return list
}

// numbered gives the place of each id in a list; of equal ones the last.
func numbered(ids []int64) map[int64]int {
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	return at
}

// has says whether an ascending list has an id.
func has(list []int64, id int64) bool {
	_, ok := slices.BinarySearch(list, id)
	return ok
}
