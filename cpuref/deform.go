package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// deformConv is a modulated deformable convolution: x [B, H, W, C], om
// [B, Hm, Wm, 3k²] with offsets first and then masks, w [N, C, k, k], bias [N] ->
// y [B, Ho, Wo, N]. A piece is one output position, gathered as conv gathers it.
func deformConv(op graph.DeformConv, y, x, om, w, bias tensor) rows {
	side := w.shape[2]
	taps := side * side
	positions := y.shape[1] * y.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		covered := make([]float64, w.shape[1:].Elements())
		here := row*y.shape[2] + column
		for tap := range taps {
			// Masks begin behind the 2k² channels of offsets, whatever the sizes.
			down := flat(om, b, 0, 2*tap*positions+here)
			right := flat(om, b, 0, (2*tap+1)*positions+here)
			mask := flat(om, b, 2*taps, tap*positions+here)
			at := point{
				float64(row*op.Stride-op.Pad+tap/side) + down,
				float64(column*op.Stride-op.Pad+tap%side) + right,
			}
			for c, v := range bilinear(x, b, at) {
				covered[c*taps+tap] = v * mask
			}
		}
		filter(y.at(b, row, column), covered, w, []tensor{bias})
	})
}

// flat is element f of the memory that picture b of a map [B, H, W, C] would have
// channels first, counted from the given channel on.
func flat(m tensor, b, channel, f int) float64 {
	height, width := m.shape[1], m.shape[2]
	position := f % (height * width)
	return float64(m.at(b, position/width, position%width)[channel+f/(height*width)])
}

// point is a place between the positions of a map.
type point struct{ y, x float64 }

// bilinear samples every channel of picture b of x [B, H, W, C]: corners outside the
// map count as 0, and so does a place a whole step or more outside, or one that is NaN.
func bilinear(x tensor, b int, at point) []float64 {
	height, width := x.shape[1], x.shape[2]
	sample := make([]float64, x.shape[3])
	if !(at.y > -1 && at.x > -1 && at.y < float64(height) && at.x < float64(width)) {
		return sample
	}
	top, left := int(math.Floor(at.y)), int(math.Floor(at.x))
	for row := top; row <= top+1; row++ {
		for column := left; column <= left+1; column++ {
			if row < 0 || row >= height || column < 0 || column >= width {
				continue
			}
			share := (1 - math.Abs(at.y-float64(row))) * (1 - math.Abs(at.x-float64(column)))
			for c, v := range x.at(b, row, column) {
				sample[c] += share * float64(v)
			}
		}
	}
	return sample
}
