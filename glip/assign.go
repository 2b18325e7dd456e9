package glip

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Object is one annotated thing of a picture.
type Object struct {
	Box    Box   // in pixels of the resized picture, inclusive corners
	Tokens []int // of the caption, that stand for it; none: it trains box and centre-ness only
	Label  int   // from 1; 0: it trains tokens only
}

// ErrNoObject is wrapped where a picture has nothing to learn boxes from; the original skips
// batches of such pictures.
var ErrNoObject = errors.New("no object")

// perLevel is how many anchors of each level are candidates of an object (ATSS.TOPK).
const perLevel = 9

// insideBy is how far, in pixels, a positive anchor's middle lies inside its object at least.
const insideBy = 0.01

// Assign says for each anchor of a padded picture, level by level from P3 on, row-major, which
// object it belongs to: its index, or -1 for none (ATSSLossComputation.prepare_targets of
// maskrcnn_benchmark/modeling/rpn/loss.py, after "Bridging the Gap Between Anchor-based and
// Anchor-free Detection via Adaptive Training Sample Selection", Zhang et al. 2020).
//
// Candidates of an object are the nine anchors of each level whose middles are nearest; equal
// distances, which the original leaves to its library, go to the lower anchor. Positive are those
// whose overlap reaches mean plus standard deviation of the candidates' and whose middle lies inside.
// An anchor of several takes the one it overlaps most, then the first.
func Assign(cfg Config, height, width int, objects []Object) ([]int, error) {
	if len(objects) == 0 {
		return nil, fmt.Errorf("glip: %w in the picture", ErrNoObject)
	}
	levels := anchors(cfg, height, width)
	var matched []int
	var overlap []float64
	first := make([]int, len(levels)) // anchor of each level
	for l, list := range levels {
		first[l] = len(matched)
		for range list {
			matched, overlap = append(matched, -1), append(overlap, math.Inf(-1))
		}
	}
	for m, o := range objects {
		var candidates []candidate
		for l, list := range levels {
			candidates = append(candidates, nearest(list, first[l], o.Box)...)
		}
		threshold := meanAndDeviation(candidates)
		for _, c := range candidates {
			if c.overlap >= threshold && inside(c.anchor, o.Box) && c.overlap > overlap[c.index] {
				matched[c.index], overlap[c.index] = m, c.overlap
			}
		}
	}
	return matched, nil
}

// anchors lists those of each level of a padded picture.
func anchors(cfg Config, height, width int) (levels [Levels][]Box) {
	for l, grid := range Grids(height, width) {
		for i := range grid.Height * grid.Width {
			levels[l] = append(levels[l], cfg.Anchor(l, i/grid.Width, i%grid.Width))
		}
	}
	return levels
}

// candidate is an anchor near an object.
type candidate struct {
	index    int // of all anchors
	anchor   Box
	distance float64 // between the middles
	overlap  float64 // with the object
}

// nearest are the anchors of a level, the first of which has the number first, that may be
// an object's.
func nearest(list []Box, first int, box Box) []candidate {
	x, y := middle(box)
	all := make([]candidate, len(list))
	for i, a := range list {
		ax, ay := middle(a)
		all[i] = candidate{index: first + i, anchor: a, distance: math.Hypot(ax-x, ay-y)}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.index, b.index))
	})
	all = all[:min(perLevel, len(all))]
	for i := range all {
		all[i].overlap = IoU(all[i].anchor, box)
	}
	return all
}

func middle(b Box) (x, y float64) { return (b.X1 + b.X2) / 2, (b.Y1 + b.Y2) / 2 }

// meanAndDeviation is the sum of both, the deviation with the divisor n-1.
func meanAndDeviation(list []candidate) float64 {
	n, mean, squares := float64(len(list)), 0.0, 0.0
	for _, c := range list {
		mean += c.overlap / n
	}
	for _, c := range list {
		squares += (c.overlap - mean) * (c.overlap - mean)
	}
	return mean + math.Sqrt(squares/(n-1))
}

func inside(anchor, box Box) bool {
	x, y := middle(anchor)
	return min(x-box.X1, y-box.Y1, box.X2-x, box.Y2-y) > insideBy
}
