package cpuref

import "github.com/glipvk/glipvk/graph"

// crossScores is (q * Scale) kᵀ of each head: q [B, n, E], k [B, m, E], optional bias
// [B, m] -> y [B, h, n, m]. A piece is one query of one head.
func crossScores(op graph.CrossScores, y, q, k tensor, bias ...tensor) rows {
	n, m, d := y.shape[2], y.shape[3], q.shape[2]/op.Heads
	return rows{y.shape.Rows(), func(i int) {
		b, head := i/n/op.Heads, i/n%op.Heads
		query := q.token(b, i%n)[head*d:][:d]
		for j := range m {
			key := k.token(b, j)[head*d:][:d]
			sum := 0.0
			for e := range query {
				sum += float64(query[e]) * op.Scale * float64(key[e])
			}
			if len(bias) > 0 {
				sum += float64(bias[0].data[b*m+j])
			}
			y.data[i*m+j] = float32(sum)
		}
	}}
}

// crossContext is the weighted sum of values with heads joined: p [B, h, n, m],
// v [B, m, E], optional bias [E] -> y [B, n, E]. A piece is one query of one head.
func crossContext(op graph.CrossContext, y, p, v tensor, bias ...tensor) rows {
	n, m, d := p.shape[2], p.shape[3], v.shape[2]/op.Heads
	return rows{p.shape.Rows(), func(i int) {
		b, head := i/n/op.Heads, i/n%op.Heads
		sums := make([]float64, d)
		if len(bias) > 0 {
			widen(sums, bias[0].data[head*d:][:d])
		}
		for j, weight := range p.data[i*m:][:m] {
			for e, value := range v.token(b, j)[head*d:][:d] {
				sums[e] += float64(weight) * float64(value)
			}
		}
		out := y.token(b, i%n)[head*d:][:d]
		for e, sum := range sums {
			out[e] = float32(sum)
		}
	}}
}
