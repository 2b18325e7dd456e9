package cpuref

import "github.com/glipvk/glipvk/graph"

// absorbKeys is y[head*T + t] = Scale * sum over e of k[t, head*d + e] * w[head*d + e]:
// k [B, T, E], w [E, C] -> y [B, h*T, C]. A piece is one row.
func absorbKeys(op graph.AbsorbKeys, y, k, w tensor) rows {
	tokens, d, channels := k.shape[1], k.shape[2]/op.Heads, w.shape[1]
	return rows{y.shape.Rows(), func(i int) {
		b, head, t := i/tokens/op.Heads, i/tokens%op.Heads, i%tokens
		sums := make([]float64, channels)
		for e, v := range k.token(b, t)[head*d:][:d] {
			for c, weight := range w.data[(head*d+e)*channels:][:channels] {
				sums[c] += float64(v) * op.Scale * float64(weight)
			}
		}
		for c, sum := range sums {
			y.data[i*channels+c] = float32(sum)
		}
	}}
}

// absorbBias is y[head*T + t] = Scale * sum over e of k[t, head*d + e] * bias[head*d + e]
// + mask[t]: k [B, T, E], bias [E], optional mask [B, T] -> y [B, h*T].
func absorbBias(op graph.AbsorbBias, y, k, bias tensor, mask ...tensor) rows {
	tokens, d := k.shape[1], k.shape[2]/op.Heads
	return rows{y.shape.Elements(), func(i int) {
		b, head, t := i/tokens/op.Heads, i/tokens%op.Heads, i%tokens
		sum := 0.0
		if len(mask) > 0 {
			sum = float64(mask[0].data[b*tokens+t])
		}
		for e, v := range k.token(b, t)[head*d:][:d] {
			sum += float64(v) * op.Scale * float64(bias.data[head*d+e])
		}
		y.data[i] = float32(sum)
	}}
}

// absorbValues is y[head*T + t, c] = sum over e of v[t, head*d + e] * w[c, head*d + e]:
// v [B, T, E], w [C, E] -> y [B, h*T, C]. A piece is one row.
func absorbValues(op graph.AbsorbValues, y, v, w tensor) rows {
	tokens, d, channels := v.shape[1], v.shape[2]/op.Heads, w.shape[0]
	return rows{y.shape.Rows(), func(i int) {
		b, head, t := i/tokens/op.Heads, i/tokens%op.Heads, i%tokens
		value := v.token(b, t)[head*d:][:d]
		for c := range channels {
			weight := w.data[c*v.shape[2]+head*d:][:d]
			sum := 0.0
			for e := range value {
				sum += float64(value[e]) * float64(weight[e])
			}
			y.data[i*channels+c] = float32(sum)
		}
	}}
}

// headLinear is y[t, head*d + e] = x[head*T + t]·w[head*d + e] + bias[head*d + e]:
// x [B, h*T, C], w [E, C], bias [E] -> y [B, T, E]. A piece is one token of y.
func headLinear(op graph.HeadLinear, y, x, w, bias tensor) rows {
	tokens, d, channels := y.shape[1], y.shape[2]/op.Heads, x.shape[2]
	return rows{y.shape.Rows(), func(i int) {
		b, t := i/tokens, i%tokens
		for f := range y.shape[2] {
			row := x.token(b, f/d*tokens+t)
			sum := float64(bias.data[f])
			for c, weight := range w.data[f*channels:][:channels] {
				sum += float64(row[c]) * float64(weight)
			}
			y.token(b, t)[f] = float32(sum)
		}
	}}
}
