package cpuref

// linear is y = x Wᵀ + b: x [..., K], w [N, K], optional bias [N] -> y [..., N].
// One piece is four columns of y: their weights are widened once and meet every
// row of x, and four sums side by side keep the processor's adder busy.
func linear(y, x, w tensor, bias ...tensor) rows {
	const side = 4
	k, n := x.shape.Last(), y.shape.Last()
	return rows{(n + side - 1) / side, func(group int) {
		columns := make([][]float64, side)
		for c := range columns {
			columns[c] = make([]float64, k)
			if j := group*side + c; j < n {
				widen(columns[c], w.data[j*k:][:k])
			}
		}
		first, count := group*side, min(side, n-group*side)
		start := [side]float64{}
		for c := range count {
			if len(bias) > 0 {
				start[c] = float64(bias[0].data[first+c])
			}
		}
		for m := range x.shape.Rows() {
			sums := dot4(x.data[m*k:][:k], columns[0], columns[1], columns[2], columns[3])
			for c := range count {
				y.data[m*n+first+c] = float32(sums[c] + start[c])
			}
		}
	}}
}

// dot4 is the inner product of x with four vectors of its length.
func dot4(x []float32, a, b, c, d []float64) [4]float64 {
	a, b, c, d = a[:len(x)], b[:len(x)], c[:len(x)], d[:len(x)]
	var sa, sb, sc, sd float64
	for i := range x {
		v := float64(x[i])
		sa += v * a[i]
		sb += v * b[i]
		sc += v * c[i]
		sd += v * d[i]
	}
	return [4]float64{sa, sb, sc, sd}
}

func widen(dst []float64, src []float32) {
	for i, v := range src {
		dst[i] = float64(v)
	}
}
