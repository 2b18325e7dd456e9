package glipvk

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/compare"
)

// sameness says when the detections of two lists are the same.
type sameness struct {
	score  float64 // what scores may be off
	pixels float64 // what corners may be off, in pixels of the input
	share  float64 // or, where that is more, in parts of the box's longer side
	near   float64 // how much above the lowest score of both lists a detection may be missing
	margin float64 // how near an overlap may be to the limit for a suppression to be in doubt
	doubts int     // of so many detections one may be missing for such a doubt; 0: none may

	scale float64 // pixels of the picture for one of the input
	limit float64 // overlap above which the lesser of two boxes is suppressed
}

var (
	sameInF32 = sameness{score: 1e-4, pixels: 0.05}
	sameInF16 = sameness{score: 0.04, pixels: 2, share: 0.02, near: 0.05, margin: 0.05, doubts: 10}
)

// partnerPixels is how far apart corners of one detection are looked for, in pixels of the picture.
const partnerPixels = 1

// compare pairs detections and compares scores and corners. Those without a partner
// count as elements that only one of the two lists has.
func (s sameness) compare(got, want []Detection) []Difference {
	var scores, corners [2][]float32
	var lone [2][]Detection // of got and of want
	taken := make([]bool, len(got))
	for _, w := range want {
		k := s.nearest(got, taken, w)
		if k < 0 {
			lone[1] = append(lone[1], w)
			continue
		}
		taken[k] = true
		scores[0], scores[1] = append(scores[0], float32(got[k].Score)), append(scores[1], float32(w.Score))
		unit := s.allowed(w) // corners count in what they may be off
		for c, v := range w.Box.Corners() {
			corners[0], corners[1] = append(corners[0], float32(got[k].Box.Corners()[c]/unit)), append(corners[1], float32(v/unit))
		}
	}
	for k, t := range taken {
		if !t {
			lone[0] = append(lone[0], got[k])
		}
	}
	missing := s.missing(got, want, lone)
	name := fmt.Sprintf("%d detections", len(want))
	list := []Difference{compare.Values(name+", scores", scores[0], scores[1]), compare.Values(name+", corners (1 is what is allowed)", corners[0], corners[1])}
	for i, allowed := range []float64{s.score, 1} {
		list[i].Missing += missing
		list[i].Allowed = Bounds{RelativeL2: math.MaxFloat64, Absolute: allowed}
	}
	return list
}

// missing counts the detections without a partner that there is no excuse for.
func (s sameness) missing(got, want []Detection, lone [2][]Detection) int {
	lowest := math.Inf(1)
	for _, list := range [][]Detection{got, want} {
		for _, d := range list {
			lowest = math.Min(lowest, d.Score)
		}
	}
	missing, doubtful := 0, 0
	for side, list := range lone {
		own, others := got, lone[1]
		if side == 1 {
			own, others = want, lone[0]
		}
		for _, d := range list {
			switch {
			case s.near > 0 && d.Score <= lowest+s.near:
			case s.doubts > 0 && s.doubtful(d, own, others):
				doubtful++
			default:
				missing++
			}
		}
	}
	if s.doubts > 0 {
		missing += max(0, doubtful-2*(max(len(got), len(want))+s.doubts-1)/s.doubts) // an exchange is one of either list
	}
	return missing
}

// doubtful says whether it hung by a hair that a detection stayed: one that the other list has
// alone covers it and might have been suppressed by it, or one of its own list overlaps it by
// nearly the limit.
func (s sameness) doubtful(d Detection, own, others []Detection) bool {
	for _, o := range others {
		if o.Label == d.Label && math.Abs(o.Score-d.Score) <= s.score && glip.IoU(o.Box, d.Box) > s.limit-s.margin {
			return true
		}
	}
	for _, o := range own {
		if o.Label == d.Label && o.Score >= d.Score-s.score && math.Abs(glip.IoU(o.Box, d.Box)-s.limit) <= s.margin {
			return true
		}
	}
	return false
}

// allowed is what the corners of a detection may be off, in pixels of the picture.
func (s sameness) allowed(d Detection) float64 {
	side := math.Max(d.Box.X2-d.Box.X1, d.Box.Y2-d.Box.Y1)
	return math.Max(s.pixels*math.Max(s.scale, 1), s.share*side)
}

// nearest finds the detection of the same label whose corners are nearest, -1 if none is
// near enough to be taken for the same.
func (s sameness) nearest(list []Detection, taken []bool, want Detection) int {
	best, distance := -1, math.Max(partnerPixels, s.allowed(want))
	for i, d := range list {
		if taken[i] || d.Label != want.Label {
			continue
		}
		if far := d.Box.Apart(want.Box); far <= distance {
			best, distance = i, far
		}
	}
	return best
}
