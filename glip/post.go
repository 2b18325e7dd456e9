package glip

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// ErrNotFinite is wrapped where a box is not made of numbers. Cause: weights that diverged
// or are damaged. Remedy: another checkpoint.
var ErrNotFinite = errors.New("not finite")

// Box is a rectangle in pixels with inclusive corners, as the original has it: its width
// is X2 - X1 + 1.
type Box struct{ X1, Y1, X2, Y2 float64 }

// Corners are x1, y1, x2, y2.
func (b Box) Corners() [4]float64 { return [4]float64{b.X1, b.Y1, b.X2, b.Y2} }

// Apart is the largest difference of corners of two boxes, NaN if there is one.
func (b Box) Apart(c Box) (apart float64) {
	for i, v := range b.Corners() {
		apart = max(apart, math.Abs(v-c.Corners()[i]))
	}
	return apart
}

// MarshalJSON writes the corners as a list.
func (b Box) MarshalJSON() ([]byte, error) { return json.Marshal(b.Corners()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Box) UnmarshalJSON(data []byte) error {
	var c [4]float64
	err := json.Unmarshal(data, &c)
	*b = Box{c[0], c[1], c[2], c[3]}
	return err
}

// Detection is a box that shows a label.
type Detection struct {
	Box   Box     // in pixels of the resized picture
	Score float64 // sqrt(probability * centerness), 0 to 1
	Label int     // from 1
}

// Limits are those of the last step. The zero value is the original's.
type Limits struct {
	IoU   float64 // above it the lower score of a label is suppressed; 0 is DefaultIoU, from 1 on nothing is suppressed, below 0 all but one of each label
	Count int     // detections that stay, more where scores are equal; 0 is DefaultDetections, below 0 all
}

// Frame is the picture the candidates were found in: the padded size, whose anchors they
// are, and the size before padding, to which boxes are clipped.
type Frame struct {
	PaddedHeight, PaddedWidth int
	Height, Width             int
}

// Anchor is the box that a level's position starts from: a square of the level's size
// around the middle of the stride (maskrcnn_benchmark/modeling/rpn/anchor_generator.py).
func (c Config) Anchor(level, y, x int) Box {
	stride, size := float64(c.AnchorStrides[level]), float64(c.AnchorSizes[level])
	center, half := (stride-1)/2, (size-1)/2
	dx, dy := float64(x)*stride, float64(y)*stride
	return Box{center - half + dx, center - half + dy, center + half + dx, center + half + dy}
}

// Weights of the box coder, and the largest growth of a side, a factor of 1000/16
// (maskrcnn_benchmark/modeling/rpn/vldyhead.py, BoxCoder).
const (
	centerWeight = 10
	sizeWeight   = 5
)

var largestGrowth = math.Log(1000.0 / 16)

// Decode moves an anchor by a position's deltas: its center by dx, dy tenths of its size,
// its size by the exponentials of dw, dh fifths.
func Decode(anchor Box, dx, dy, dw, dh float64) Box {
	side := func(low, high, d, size float64) (float64, float64) {
		width := high - low + 1
		center := d/centerWeight*width + (low+high)/2
		half := (math.Exp(math.Min(size/sizeWeight, largestGrowth))*width - 1) / 2
		return center - half, center + half
	}
	x1, x2 := side(anchor.X1, anchor.X2, dx, dw)
	y1, y2 := side(anchor.Y1, anchor.Y2, dy, dh)
	return Box{x1, y1, x2, y2}
}

// Clip moves corners into a picture.
func (b Box) Clip(height, width int) Box {
	x := func(v float64) float64 { return min(max(v, 0), float64(width-1)) }
	y := func(v float64) float64 { return min(max(v, 0), float64(height-1)) }
	return Box{x(b.X1), y(b.Y1), x(b.X2), y(b.Y2)}
}

// IoU is the intersection of two boxes over their union, in whole pixels (ml_nms of
// maskrcnn_benchmark/csrc/cuda): a side counts one more than the difference of its corners.
func IoU(a, b Box) float64 {
	side := func(low, high float64) float64 { return max(high-low+1, 0) }
	both := side(max(a.X1, b.X1), min(a.X2, b.X2)) * side(max(a.Y1, b.Y1), min(a.Y2, b.Y2))
	area := func(c Box) float64 { return (c.X2 - c.X1 + 1) * (c.Y2 - c.Y1 + 1) }
	return both / (area(a) + area(b) - both)
}

// Detections turns the candidates of all levels, rows as [graph.Candidates] has them,
// into boxes: decoded, clipped to the picture, suppressed label by label, the best of them
// kept, by falling score. A candidate whose box is not finite is an error that wraps
// [ErrNotFinite].
func Detections(cfg Config, levels [][]float32, f Frame, l Limits) ([]Detection, error) {
	if len(levels) != Levels {
		return nil, fmt.Errorf("glip: %w: candidates of %d levels, want %d", graph.ErrShape, len(levels), Levels)
	}
	grids := Grids(f.PaddedHeight, f.PaddedWidth)
	var all []Detection
	for at, rows := range levels {
		for ; len(rows) >= graph.CandidateFields && rows[3] > 0; rows = rows[graph.CandidateFields:] {
			position := int(rows[2])
			anchor := cfg.Anchor(at, position/grids[at].Width, position%grids[at].Width)
			box := Decode(anchor, float64(rows[4]), float64(rows[5]), float64(rows[6]), float64(rows[7]))
			d := Detection{Box: box.Clip(f.Height, f.Width), Score: math.Sqrt(float64(rows[0])), Label: int(rows[3])}
			if sum := box.X1 + box.Y1 + box.X2 + box.Y2 + d.Score; math.IsNaN(sum) || math.IsInf(sum, 0) {
				return nil, fmt.Errorf("glip: %w: level %s, position %d: box %v of score %v", ErrNotFinite, level(at), position, box, d.Score)
			}
			if d.Box.X2-d.Box.X1+1 >= 0 && d.Box.Y2-d.Box.Y1+1 >= 0 {
				all = append(all, d)
			}
		}
	}
	return l.keep(Suppress(all, cmp.Or(l.IoU, DefaultIoU))), nil
}

// keep takes the best, and with the last of them those of equal score, and sorts them.
func (l Limits) keep(list []Detection) []Detection {
	slices.SortStableFunc(list, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	count := cmp.Or(l.Count, DefaultDetections)
	if count < 0 || len(list) <= count {
		return list
	}
	end := count
	for end < len(list) && list[end].Score >= list[count-1].Score {
		end++
	}
	return list[:end]
}

// Suppress walks the detections by falling score, equal scores in their order, and drops
// each whose box overlaps one that stayed and has the same label by more than iou. The
// result is in the order of the argument, which is not changed.
func Suppress(list []Detection, iou float64) []Detection {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].Score, list[a].Score) })
	stay := map[int][]int{} // by label
	for _, i := range order {
		covered := slices.ContainsFunc(stay[list[i].Label], func(k int) bool { return IoU(list[i].Box, list[k].Box) > iou })
		if !covered {
			stay[list[i].Label] = append(stay[list[i].Label], i)
		}
	}
	var kept []int
	for _, indices := range stay {
		kept = append(kept, indices...)
	}
	slices.Sort(kept)
	out := make([]Detection, len(kept))
	for i, k := range kept {
		out[i] = list[k]
	}
	return out
}
