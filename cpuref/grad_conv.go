package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// convGradX sends every output's gradient back through the weights: g [B, Ho, Wo, N], w
// [N, C, k, k] -> y [B, H, W, C]. A piece is one position of y, which looks for the
// outputs that covered it.
func convGradX(op graph.ConvGradX, y, g, w tensor) rows {
	side := w.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		sums := make([]float64, y.shape[3])
		for ky := range side {
			for kx := range side {
				down, right := row+op.Pad-ky, column+op.Pad-kx
				if down < 0 || right < 0 || down%op.Stride != 0 || right%op.Stride != 0 ||
					down/op.Stride >= g.shape[1] || right/op.Stride >= g.shape[2] {
					continue
				}
				for n, v := range g.at(b, down/op.Stride, right/op.Stride) {
					for c := range sums {
						sums[c] += float64(v) * float64(w.data[((n*len(sums)+c)*side+ky)*side+kx])
					}
				}
			}
		}
		narrow(y.at(b, row, column), sums)
	})
}

// convGradWeight adds up, for every output, its gradient times what the kernel covered: g
// [B, Ho, Wo, N], x [B, H, W, C] -> y [N, C, k, k]. A piece is one filter.
func convGradWeight(op graph.ConvGradWeight, y, g, x tensor) rows {
	channels, side := x.shape[3], op.Size
	return rows{y.shape[0], func(n int) {
		sums := make([]float64, channels*side*side)
		for i := range g.shape.Rows() {
			b, row, column := i/g.shape[2]/g.shape[1], i/g.shape[2]%g.shape[1], i%g.shape[2]
			v := float64(g.at(b, row, column)[n])
			for tap := range side * side {
				fromRow, fromColumn := row*op.Stride-op.Pad+tap/side, column*op.Stride-op.Pad+tap%side
				if fromRow < 0 || fromRow >= x.shape[1] || fromColumn < 0 || fromColumn >= x.shape[2] {
					continue
				}
				for c, from := range x.at(b, fromRow, fromColumn) {
					sums[c*side*side+tap] += v * float64(from)
				}
			}
		}
		narrow(y.data[n*len(sums):][:len(sums)], sums)
	}}
}

// sampling is what a deformable convolution reads for one tap of one output.
type sampling struct {
	at   point
	mask float64
	// Where om has them: of the flat offsets and masks of a picture.
	down, right, masked int
}

// sampled is tap number tap of output (row, column) of picture b, of outputs of the given
// shape [B, Ho, Wo, N] and kernels of k x k.
func sampled(op graph.DeformConv, om tensor, out graph.Shape, side, b, row, column, tap int) sampling {
	positions, here := out[1]*out[2], row*out[2]+column
	s := sampling{down: 2*tap*positions + here, right: (2*tap+1)*positions + here, masked: tap*positions + here}
	s.at = point{
		float64(row*op.Stride-op.Pad+tap/side) + flat(om, b, 0, s.down),
		float64(column*op.Stride-op.Pad+tap%side) + flat(om, b, 0, s.right),
	}
	s.mask = flat(om, b, 2*side*side, s.masked)
	return s
}

// corner is one of the four positions around a place, its share of the sample there and how
// the share grows with y and x.
type corner struct {
	row, column   int
	share, dy, dx float64
}

// corners lists those inside a map; none for a place a whole step outside, or NaN.
func corners(at point, height, width int) (list []corner) {
	if !(at.y > -1 && at.x > -1 && at.y < float64(height) && at.x < float64(width)) {
		return nil
	}
	top, left := math.Floor(at.y), math.Floor(at.x)
	fy, fx := at.y-top, at.x-left
	for i := range 4 {
		row, column := int(top)+i/2, int(left)+i%2
		if row < 0 || row >= height || column < 0 || column >= width {
			continue
		}
		sy, sx, dy, dx := 1-fy, 1-fx, -1.0, -1.0
		if i/2 == 1 {
			sy, dy = fy, 1
		}
		if i%2 == 1 {
			sx, dx = fx, 1
		}
		list = append(list, corner{row, column, sy * sx, dy * sx, sy * dx})
	}
	return list
}

// back is what an output's gradient g [N] gives the sample of a tap, through w [N, C, k, k].
func back(g []float32, w tensor, tap int) []float64 {
	channels, taps := w.shape[1], w.shape[2]*w.shape[2]
	sums := make([]float64, channels)
	for n, v := range g {
		for c := range sums {
			sums[c] += float64(v) * float64(w.data[(n*channels+c)*taps+tap])
		}
	}
	return sums
}

// eachTap makes a piece of every picture; f sees its outputs and taps in order.
func eachTap(g tensor, side int, f func(b, row, column, tap int)) rows {
	return rows{g.shape[0], func(b int) {
		for i := range g.shape[1] * g.shape[2] {
			for tap := range side * side {
				f(b, i/g.shape[2], i%g.shape[2], tap)
			}
		}
	}}
}

// deformConvGradX gives every corner of every sample its share: g [B, Ho, Wo, N], om, w
// [N, C, k, k] -> y [B, H, W, C].
func deformConvGradX(op graph.DeformConvGradX, y, g, om, w tensor) rows {
	side, channels := w.shape[2], w.shape[1]
	sums := make([]float64, len(y.data))
	r := eachTap(g, side, func(b, row, column, tap int) {
		s := sampled(op.DeformConv, om, g.shape, side, b, row, column, tap)
		toSample := back(g.at(b, row, column), w, tap)
		for _, k := range corners(s.at, y.shape[1], y.shape[2]) {
			to := sums[((b*y.shape[1]+k.row)*y.shape[2]+k.column)*channels:][:channels]
			for c, v := range toSample {
				to[c] += v * k.share * s.mask
			}
		}
	})
	return r.then(func(b int) {
		n := len(sums) / g.shape[0]
		narrow(y.data[b*n:][:n], sums[b*n:][:n])
	})
}

// then does something more with each piece.
func (r rows) then(f func(i int)) rows {
	return rows{r.count, func(i int) { r.each(i); f(i) }}
}

// deformConvGradOffset differentiates where the samples lie and their masks: g
// [B, Ho, Wo, N], x [B, H, W, C], om, w [N, C, k, k] -> y like om.
func deformConvGradOffset(op graph.DeformConvGradOffset, y, g, x, om, w tensor) rows {
	side := w.shape[2]
	return eachTap(g, side, func(b, row, column, tap int) {
		s := sampled(op.DeformConv, om, g.shape, side, b, row, column, tap)
		toSample := back(g.at(b, row, column), w, tap)
		var mask, dy, dx float64
		for _, k := range corners(s.at, x.shape[1], x.shape[2]) {
			for c, v := range x.at(b, k.row, k.column) {
				part := toSample[c] * float64(v)
				mask, dy, dx = mask+part*k.share, dy+part*k.dy*s.mask, dx+part*k.dx*s.mask
			}
		}
		put(y, b, 0, s.down, dy)
		put(y, b, 0, s.right, dx)
		put(y, b, 2*side*side, s.masked, mask)
	})
}

// put writes what [flat] reads.
func put(m tensor, b, channel, f int, v float64) {
	height, width := m.shape[1], m.shape[2]
	position := f % (height * width)
	m.at(b, position/width, position%width)[channel+f/(height*width)] = float32(v)
}

// deformConvGradWeight adds up every output's gradient times its samples: g [B, Ho, Wo, N],
// x [B, H, W, C], om -> y [N, C, k, k]. A piece is one channel of x.
func deformConvGradWeight(op graph.DeformConvGradWeight, y, g, x, om tensor) rows {
	channels, side := x.shape[3], op.Size
	taps := side * side
	return rows{channels, func(c int) {
		sums := make([]float64, y.shape[0]*taps)
		for i := range g.shape.Rows() {
			b, row, column := i/g.shape[2]/g.shape[1], i/g.shape[2]%g.shape[1], i%g.shape[2]
			for tap := range taps {
				s := sampled(op.DeformConv, om, g.shape, side, b, row, column, tap)
				sample := 0.0
				for _, k := range corners(s.at, x.shape[1], x.shape[2]) {
					sample += k.share * float64(x.at(b, k.row, k.column)[c])
				}
				for n, v := range g.at(b, row, column) {
					sums[n*taps+tap] += float64(v) * sample * s.mask
				}
			}
		}
		for i, v := range sums {
			y.data[(i/taps*channels+c)*taps+i%taps] = float32(v)
		}
	}}
}
