package cpu

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// crossScores is (q * Scale) kᵀ of each head, plus a bias: q [B, n, E], k [B, m, E] -> [B, h, n, m].
func (c *compiler) crossScores(id graph.ID, o graph.CrossScores) step {
	in, y := c.node(id).Inputs, c.shape(id)
	e, n, m := c.shape(in[0])[2], y[2], y[3]
	d := e / o.Heads
	p := &cross{
		y: part{id, o.Heads * n * m, n * m, m}, a: part{in[0], n * e, d, e}, b: part{in[1], m * e, d, e}, keys: true,
		products: y[0] * o.Heads, heads: o.Heads, m: n, n: m, kk: d, scale: float32(o.Scale),
	}
	if len(in) == 3 {
		p.bias, p.hasBias = part{id: in[2], picture: m}, true
	}
	return c.crossStep(id, p)
}

// crossContext is the weighted sum of values with heads joined, plus a bias: probabilities
// [B, h, n, m], v [B, m, E] -> [B, n, E].
func (c *compiler) crossContext(id graph.ID, o graph.CrossContext) step {
	in, y := c.node(id).Inputs, c.shape(id)
	n, e, m := y[1], y[2], c.shape(in[1])[1]
	d := e / o.Heads
	p := &cross{
		y: part{id, n * e, d, e}, a: part{in[0], o.Heads * n * m, n * m, m}, b: part{in[1], m * e, d, e},
		products: y[0] * o.Heads, heads: o.Heads, m: n, n: d, kk: m, scale: 1,
	}
	if len(in) == 3 {
		p.bias, p.hasBias = part{id: in[2], head: d}, true
	}
	return c.crossStep(id, p)
}

// absorbKeys takes a projection's weights [E, C] into keys [B, T, E] -> [B, h*T, C].
func (c *compiler) absorbKeys(id graph.ID, o graph.AbsorbKeys) step {
	in, channels := c.node(id).Inputs, c.shape(id)[2]
	k := c.shape(in[0])
	d := k[2] / o.Heads
	return c.crossStep(id, &cross{
		y: part{id, o.Heads * k[1] * channels, k[1] * channels, channels}, a: part{in[0], k[1] * k[2], d, k[2]},
		b: part{in[1], 0, d * channels, channels}, products: k[0] * o.Heads, heads: o.Heads,
		m: k[1], n: channels, kk: d, scale: float32(o.Scale),
	})
}

// absorbValues takes an output projection's weights [C, E] into values [B, T, E] -> [B, h*T, C].
func (c *compiler) absorbValues(id graph.ID, o graph.AbsorbValues) step {
	in, channels := c.node(id).Inputs, c.shape(id)[2]
	v := c.shape(in[0])
	d := v[2] / o.Heads
	return c.crossStep(id, &cross{
		y: part{id, o.Heads * v[1] * channels, v[1] * channels, channels}, a: part{in[0], v[1] * v[2], d, v[2]},
		b: part{in[1], 0, d, v[2]}, keys: true, products: v[0] * o.Heads, heads: o.Heads,
		m: v[1], n: channels, kk: d, scale: 1,
	})
}

// headLinear projects each head's rows by its part of a weight: x [B, h*T, C], W [E, C], bias
// [E] -> [B, T, E].
func (c *compiler) headLinear(id graph.ID, o graph.HeadLinear) step {
	in, y := c.node(id).Inputs, c.shape(id)
	channels, d := c.shape(in[0])[2], y[2]/o.Heads
	return c.crossStep(id, &cross{
		y: part{id, y[1] * y[2], d, y[2]}, a: part{in[0], o.Heads * y[1] * channels, y[1] * channels, channels},
		b: part{in[1], 0, d * channels, channels}, keys: true, products: y[0] * o.Heads, heads: o.Heads,
		m: y[1], n: d, kk: channels, scale: 1, bias: part{id: in[2], head: d}, hasBias: true,
	})
}

// absorbBias is the inner product of every head's keys [B, T, E] with its part of a bias [E], times
// Scale, plus a mask [B, T] -> [B, h*T].
func (c *compiler) absorbBias(id graph.ID, o graph.AbsorbBias) step {
	in := c.node(id).Inputs
	k := c.shape(in[0])
	tokens, e := k[1], k[2]
	d, scale := e/o.Heads, float32(o.Scale)
	return step{name: "absorbbias", in: in, tasks: k[0] * o.Heads, flops: 2 * c.g.MultiplyAdds(id),
		run: func(_ *worker, values [][]float32, task int) {
			picture, head := task/o.Heads, task%o.Heads
			keys, bias, y := values[in[0]][picture*tokens*e+head*d:], values[in[1]][head*d:][:d], values[id][task*tokens:][:tokens]
			for t := range y {
				y[t] = scale * dot(keys[t*e:][:d], bias)
				if len(in) == 3 {
					y[t] += values[in[2]][picture*tokens+t]
				}
			}
		}}
}

// dot is the inner product of two rows of one length.
func dot(a, b []float32) float32 {
	var sums [4]float32 // more exact than one, and faster
	b = b[:len(a)]
	for i, v := range a {
		sums[i%4] += v * b[i]
	}
	return sums[0] + sums[1] + sums[2] + sums[3]
}

// tokenLogits scores positions x [B, ..., C] against projected tokens p [B, T, C], divided by
// exp(log_scale), plus what a token has for every position: e·bias_lang + bias0.
func (c *compiler) tokenLogits(id graph.ID, o graph.TokenLogits) step {
	in, y := c.node(id).Inputs, c.shape(id)
	channels, length := c.shape(in[0]).Last(), c.shape(in[2])[2]
	limit := float32(o.Limit)
	tokens := y[0] * y[2]
	own := c.temporary(tokens + 1) // of each token, then the factor
	before := step{name: "tokenlogits_own", in: in[2:], outs: []graph.ID{own}, tasks: tokens, run: func(_ *worker, values [][]float32, token int) {
		values[own][token] = dot(values[in[2]][token*length:][:length], values[in[3]]) + values[in[4]][0]
		if token == 0 {
			values[own][tokens] = float32(math.Exp(-float64(values[in[5]][0])))
		}
	}}
	s := c.crossStep(id, &cross{
		y: part{id, y[1] * y[2], 0, y[2]}, a: part{in[0], y[1] * channels, 0, channels}, b: part{in[1], y[2] * channels, 0, channels},
		keys: true, products: y[0], heads: 1, m: y[1], n: y[2], kk: channels, scale: 1,
		finish: func(values [][]float32, row []float32, picture int) {
			add, factor := values[own][picture*len(row):][:len(row)], values[own][tokens]
			for t, v := range row {
				row[t] = min(max(v*factor+add[t], -limit), limit)
			}
		},
	})
	s.before = []step{before}
	s.in = append(slices.Clone(s.in), own)
	return s
}
