package picture

import (
	"context"
	"math"
)

// Resizing as OpenCV does it for 8 bits: weights of 11 fraction bits, integer
// sums along rows, kept unrounded, then along columns. OpenCV's vector code
// rounds a few sums differently, by one level.

// openCVBits is the number of fraction bits of a weight.
const openCVBits = 11

// resizeOpenCV does linear and cubic interpolation.
func resizeOpenCV(ctx context.Context, p Picture, height, width int, i Interpolation) Picture {
	makeTaps := linearTaps
	combine := combineLinear
	if i == OpenCVCubic {
		makeTaps, combine = cubicTaps, combineCubic
	}
	return openCVPasses(ctx, p, makeTaps(p.Height, height), makeTaps(p.Width, width), combine)
}

// openCVTaps are the weights of one output position and the source positions,
// already clamped to the picture.
type openCVTaps struct {
	from    [4]int
	weights [4]int32
}

// sourcePosition splits the place of output pixel d in the source into the
// pixel to its left and the fraction.
func sourcePosition(d, in, out int) (pixel int, fraction float32) {
	scale := 1 / (float64(out) / float64(in))
	f := float32(float64((float64(d)+0.5)*scale) - 0.5)
	floor := math.Floor(float64(f))
	return int(floor), f - float32(floor)
}

// fixed rounds a weight to 11 fraction bits, ties to even.
func fixed(w float32) int32 {
	return int32(math.RoundToEven(float64(w * (1 << openCVBits))))
}

func linearTaps(in, out int) []openCVTaps {
	table := make([]openCVTaps, out)
	for d := range table {
		s, t := sourcePosition(d, in, out)
		table[d] = linearTap(s, t, in)
	}
	return table
}

// linearTap weighs pixels s and s+1 by 1-t and t; outside, the edge counts.
func linearTap(s int, t float32, in int) openCVTaps {
	if s < 0 {
		s, t = 0, 0
	}
	if s >= in-1 {
		s, t = in-1, 0
	}
	return openCVTaps{
		from:    [4]int{s, min(s+1, in-1), s, s}, // the last two weigh nothing
		weights: [4]int32{fixed(1 - t), fixed(t)},
	}
}

func cubicTaps(in, out int) []openCVTaps {
	const a = float32(-0.75)
	near := func(x float32) float32 { return float32((float32((a+2)*x)-(a+3))*x*x) + 1 }
	table := make([]openCVTaps, out)
	for d := range table {
		s, t := sourcePosition(d, in, out)
		var w [4]float32
		x := t + 1
		w[0] = float32((float32((float32(a*x)-5*a)*x)+8*a)*x) - 4*a
		w[1] = near(t)
		w[2] = near(1 - t)
		w[3] = 1 - w[0] - w[1] - w[2]
		for k := range w {
			table[d].from[k] = min(max(s-1+k, 0), in-1)
			table[d].weights[k] = fixed(w[k])
		}
	}
	return table
}

// combineLinear joins two row sums; the shifts are OpenCV's.
func combineLinear(w, h [4]int32) uint8 {
	return clamp8(int((w[0]*(h[0]>>4)>>16 + w[1]*(h[1]>>4)>>16 + 2) >> 2))
}

// combineCubic joins four row sums.
func combineCubic(w, h [4]int32) uint8 {
	sum := int64(1) << (2*openCVBits - 1)
	for k := range w {
		sum += int64(w[k]) * int64(h[k])
	}
	return clamp8(int(sum >> (2 * openCVBits)))
}

// openCVPasses sums along rows, on demand, and combines the sums of up to four
// rows. Each goroutine keeps the last four row sums.
func openCVPasses(ctx context.Context, p Picture, rows, columns []openCVTaps, combine func(w, h [4]int32) uint8) Picture {
	out := newPicture(len(rows), len(columns))
	parallel(ctx, len(rows), rowsPerPiece, func(from, to int) {
		cache := newRowSums(p, columns)
		for y := from; y < to; y++ {
			var sums [4][]int32
			for k, source := range rows[y].from {
				sums[k] = cache.row(source)
			}
			dst := out.row(y)
			for i := range dst {
				h := [4]int32{sums[0][i], sums[1][i], sums[2][i], sums[3][i]}
				dst[i] = combine(rows[y].weights, h)
			}
		}
	})
	return out
}

// rowSums computes and keeps weighted sums along the rows used last.
type rowSums struct {
	p       Picture
	columns []openCVTaps
	source  [4]int
	sums    [4][]int32
}

func newRowSums(p Picture, columns []openCVTaps) *rowSums {
	c := &rowSums{p: p, columns: columns}
	for k := range c.sums {
		c.source[k] = -1
		c.sums[k] = make([]int32, 3*len(columns))
	}
	return c
}

// row returns the sums along source row y. A place is taken by y modulo the
// number of places, so that four neighbouring rows never share one.
func (c *rowSums) row(y int) []int32 {
	place := y % len(c.sums)
	sums := c.sums[place]
	if c.source[place] == y {
		return sums
	}
	c.source[place] = y
	src := c.p.row(y)
	for x := range c.columns {
		t := &c.columns[x]
		for channel := range 3 {
			sum := int32(0)
			for k, w := range t.weights {
				sum += w * int32(src[3*t.from[k]+channel])
			}
			sums[3*x+channel] = sum
		}
	}
	return sums
}
