package cpuref

import "github.com/glipvk/glipvk/graph"

// conv is a convolution with zero padding: x [B, H, W, C], w [N, C, k, k], optional
// bias [N] -> y [B, Ho, Wo, N]. A piece gathers what the kernel covers at one output
// position, in the order of a weight's elements, and multiplies it with every filter.
func conv(op graph.Conv, y, x, w tensor, bias ...tensor) rows {
	height, width, side := x.shape[1], x.shape[2], w.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		covered := make([]float64, w.shape[1:].Elements())
		for ky := range side {
			for kx := range side {
				fromRow, fromColumn := row*op.Stride-op.Pad+ky, column*op.Stride-op.Pad+kx
				if fromRow < 0 || fromRow >= height || fromColumn < 0 || fromColumn >= width {
					continue
				}
				for c, v := range x.at(b, fromRow, fromColumn) {
					covered[(c*side+ky)*side+kx] = float64(v)
				}
			}
		}
		filter(y.at(b, row, column), covered, w, bias)
	})
}

// filter is out[n] = bias[n] + the inner product of covered with row n of w, whose
// trailing sizes multiply to the length of covered. Four sums side by side keep the
// processor's adder busy.
func filter(out []float32, covered []float64, w tensor, bias []tensor) {
	k := len(covered)
	row := func(n int) []float32 { return w.data[min(n, len(out)-1)*k:][:k] }
	for n := 0; n < len(out); n += 4 {
		a, b, c, d := row(n), row(n+1), row(n+2), row(n+3)
		var sums [4]float64
		for i, v := range covered {
			sums[0] += v * float64(a[i])
			sums[1] += v * float64(b[i])
			sums[2] += v * float64(c[i])
			sums[3] += v * float64(d[i])
		}
		for j := n; j < min(n+4, len(out)); j++ {
			if len(bias) > 0 {
				sums[j-n] += float64(bias[0].data[j])
			}
			out[j] = float32(sums[j-n])
		}
	}
}
