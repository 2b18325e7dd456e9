package picture

import (
	"context"
	"math"
)

// resizeArea is OpenCV's area interpolation: when shrinking, the mean over the
// source area of a pixel, in float32; when enlarging either axis, linear
// interpolation with the fraction measured differently.
func resizeArea(ctx context.Context, p Picture, height, width int) Picture {
	if height > p.Height || width > p.Width {
		return openCVPasses(ctx, p, areaLinearTaps(p.Height, height), areaLinearTaps(p.Width, width), combineLinear)
	}
	rows, columns := areaTaps(p.Height, height), areaTaps(p.Width, width)
	out := newPicture(height, width)
	parallel(ctx, height, rowsPerPiece, func(from, to int) {
		along, sums := make([]float32, 3*width), make([]float32, 3*width)
		for y := from; y < to; y++ {
			clear(sums)
			for j, w := range rows[y].weights {
				areaRow(along, p.row(rows[y].first+j), columns)
				for i, v := range along {
					sums[i] += float32(w * v)
				}
			}
			dst := out.row(y)
			for i, s := range sums {
				dst[i] = clamp8(int(math.RoundToEven(float64(s))))
			}
		}
	})
	return out
}

// areaRow averages along one row.
func areaRow(dst []float32, src []uint8, columns []weighted) {
	for x, t := range columns {
		var sum [3]float32
		for j, w := range t.weights {
			for c := range sum {
				sum[c] += float32(w * float32(src[3*(t.first+j)+c]))
			}
		}
		copy(dst[3*x:], sum[:])
	}
}

// weighted are the float32 weights of source positions first, first+1, ...
type weighted struct {
	first   int
	weights []float32
}

// areaTaps weighs source pixels by the share of them that an output pixel
// covers. Shares under a thousandth are dropped, as OpenCV does.
func areaTaps(in, out int) []weighted {
	const sliver = 1e-3
	scale := 1 / (float64(out) / float64(in))
	table := make([]weighted, out)
	for d := range table {
		low := float64(d) * scale
		high := low + scale
		cell := min(scale, float64(in)-low)
		last := min(int(math.Floor(high)), in-1)
		first := min(int(math.Ceil(low)), last)
		t := weighted{first: first}
		if left := float64(first) - low; left > sliver {
			t.first--
			t.weights = append(t.weights, float32(left/cell))
		}
		for range last - first {
			t.weights = append(t.weights, float32(1/cell))
		}
		if right := high - float64(last); right > sliver {
			t.weights = append(t.weights, float32(min(right, 1, cell)/cell))
		}
		table[d] = t
	}
	return table
}

// areaLinearTaps are the linear weights of an axis in area mode.
func areaLinearTaps(in, out int) []openCVTaps {
	inverse := float64(out) / float64(in)
	scale := 1 / inverse
	table := make([]openCVTaps, out)
	for d := range table {
		s := int(math.Floor(float64(d) * scale))
		t := float32(float64(d+1) - float64(s+1)*inverse)
		if t <= 0 {
			t = 0
		} else {
			t -= float32(math.Floor(float64(t)))
		}
		table[d] = linearTap(s, t, in)
	}
	return table
}
