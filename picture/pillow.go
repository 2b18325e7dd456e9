package picture

import (
	"context"
	"math"
)

// Resizing as Pillow does it (its module Resample, 8 bits per channel): a
// separable filter that widens when shrinking, first along rows, rounded to
// 8 bits, then along columns, rounded again, in fixed point.

// pillowBits is the number of fraction bits of the fixed-point weights.
const pillowBits = 22

// taps are the weights of one output position: source positions first,
// first+1, ...
type taps struct {
	first   int
	weights []int32
}

// kernel is a filter function and the distance where it becomes zero.
type kernel struct {
	reach float64
	at    func(x float64) float64
}

// pillowKernel returns Pillow's filter of a rule.
func pillowKernel(i Interpolation) kernel {
	if i == Bilinear {
		return kernel{1, triangle}
	}
	return kernel{2, func(x float64) float64 { return cubic(x, -0.5) }}
}

// triangle is the filter of linear interpolation.
func triangle(x float64) float64 {
	return max(1-math.Abs(x), 0)
}

// cubic is Keys' filter with parameter a. The conversions keep compilers from
// fusing multiply and add, so that all machines get the same bits.
func cubic(x, a float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// pillowTaps computes the weights that take in source positions to out
// positions.
func pillowTaps(in, out int, k kernel) []taps {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1) // the filter widens only when shrinking
	reach := k.reach * stretch
	inverse := 1 / stretch
	table := make([]taps, out)
	for i := range table {
		centre := (float64(i) + 0.5) * scale
		low := max(int(centre-reach+0.5), 0)
		high := min(int(centre+reach+0.5), in)
		weights := make([]float64, high-low)
		sum := 0.0
		for j := range weights {
			weights[j] = k.at((float64(j+low) - centre + 0.5) * inverse)
			sum += weights[j]
		}
		table[i] = taps{first: low, weights: make([]int32, len(weights))}
		for j, w := range weights {
			if sum != 0 {
				w /= sum
			}
			w = float64(w * (1 << pillowBits))
			table[i].weights[j] = int32(w + math.Copysign(0.5, w))
		}
	}
	return table
}

// resizePillow resizes to height x width; an axis of unchanged length is left
// alone.
func resizePillow(ctx context.Context, p Picture, height, width int, k kernel) Picture {
	if width != p.Width {
		p = pillowRows(ctx, p, width, k)
	}
	if height != p.Height {
		p = pillowColumns(ctx, p, height, k)
	}
	return p
}

// pillowRows resizes every row to the given width.
func pillowRows(ctx context.Context, p Picture, width int, k kernel) Picture {
	out := newPicture(p.Height, width)
	table := pillowTaps(p.Width, width, k)
	parallel(ctx, p.Height, rowsPerPiece, func(from, to int) {
		for y := from; y < to; y++ {
			src, dst := p.row(y), out.row(y)
			for x, t := range table {
				r, g, b := int32(1<<(pillowBits-1)), int32(1<<(pillowBits-1)), int32(1<<(pillowBits-1))
				px := src[3*t.first:]
				for j, w := range t.weights {
					r += w * int32(px[3*j])
					g += w * int32(px[3*j+1])
					b += w * int32(px[3*j+2])
				}
				dst[3*x] = clamp8(int(r >> pillowBits))
				dst[3*x+1] = clamp8(int(g >> pillowBits))
				dst[3*x+2] = clamp8(int(b >> pillowBits))
			}
		}
	})
	return out
}

// pillowColumns resizes every column to the given height.
func pillowColumns(ctx context.Context, p Picture, height int, k kernel) Picture {
	out := newPicture(height, p.Width)
	table := pillowTaps(p.Height, height, k)
	parallel(ctx, height, rowsPerPiece, func(from, to int) {
		sums := make([]int32, 3*p.Width)
		for y := from; y < to; y++ {
			for i := range sums {
				sums[i] = 1 << (pillowBits - 1)
			}
			for j, w := range table[y].weights {
				for i, v := range p.row(table[y].first + j) {
					sums[i] += w * int32(v)
				}
			}
			dst := out.row(y)
			for i, s := range sums {
				dst[i] = clamp8(int(s >> pillowBits))
			}
		}
	})
	return out
}
