package cpuref

import "github.com/glipvk/glipvk/graph"

// linearGradX is g W: g [..., N], w [N, K] -> y [..., K]. A piece is a row.
func linearGradX(y, g, w tensor) rows {
	n, k := g.shape.Last(), y.shape.Last()
	return rows{g.shape.Rows(), func(m int) {
		sums := make([]float64, k)
		for i, v := range g.data[m*n:][:n] {
			addTimes(sums, float64(v), w.data[i*k:][:k])
		}
		narrow(y.data[m*k:][:k], sums)
	}}
}

// linearGradWeight is gᵀ x: g [..., N], x [..., K] -> y [N, K]. A piece is a row of y.
func linearGradWeight(y, g, x tensor) rows {
	n, k := g.shape.Last(), x.shape.Last()
	return rows{n, func(i int) {
		sums := make([]float64, k)
		for m := range g.shape.Rows() {
			addTimes(sums, float64(g.data[m*n+i]), x.data[m*k:][:k])
		}
		narrow(y.data[i*k:][:k], sums)
	}}
}

// headLinearGradWeight is the sum over pictures and tokens of a head's channel of g times
// the head's row of x: g [B, T, E], x [B, h*T, C] -> y [E, C]. A piece is a row of y.
func headLinearGradWeight(op graph.HeadLinearGradWeight, y, g, x tensor) rows {
	batch, tokens, e := g.shape[0], g.shape[1], g.shape[2]
	return rows{e, func(i int) {
		sums := make([]float64, x.shape[2])
		head := i / (e / op.Heads)
		for b := range batch {
			for t := range tokens {
				addTimes(sums, float64(g.token(b, t)[i]), x.token(b, head*tokens+t))
			}
		}
		narrow(y.data[i*len(sums):][:len(sums)], sums)
	}}
}

// addTimes is sums += v * row.
func addTimes(sums []float64, v float64, row []float32) {
	for i, w := range row {
		sums[i] += v * float64(w)
	}
}

func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}
