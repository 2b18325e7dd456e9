package cpu

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// linear is x Wᵀ + b where W is computed too; see matchProduct for weights.
func (c *compiler) linear(id graph.ID) step {
	in := c.node(id).Inputs
	return c.crossStep(id, &cross{
		heads: 1, y: c.flat(id), a: c.flat(in[0]), b: c.matrixOf(in[1], c.shape(in[1])[0]), keys: true, scale: 1, bias: part{id: c.operand(id, 2)},
	})
}

// scores is (q * Scale) kᵀ of each head: qkv [G, n, 3C] -> [G, h, n, n].
func (c *compiler) scores(id graph.ID) step {
	o := c.node(id).Op.(graph.Scores)
	q := c.joined(c.node(id).Inputs[0], 3*o.Heads)
	k := q
	k.at = q.ld / 3
	return c.crossStep(id, &cross{heads: o.Heads, y: c.apart(id, o.Heads), a: q, b: k, keys: true, scale: float32(o.Scale), bias: part{id: none}})
}

// crossScores is the same plus a bias: q [B, n, E], k [B, m, E] -> [B, h, n, m].
func (c *compiler) crossScores(id graph.ID) step {
	o, in := c.node(id).Op.(graph.CrossScores), c.node(id).Inputs
	return c.crossStep(id, &cross{
		heads: o.Heads, y: c.apart(id, o.Heads), a: c.joined(in[0], o.Heads), b: c.joined(in[1], o.Heads), keys: true,
		scale: float32(o.Scale), bias: part{id: c.operand(id, 2), picture: c.shape(id).Last()},
	})
}

// context is the weighted sum of values with heads joined: p [G, h, n, n], qkv [G, n, 3C] -> [G, n, C].
func (c *compiler) context(id graph.ID) step {
	if s, ok := c.attention(id); ok {
		return s
	}
	heads, in := c.node(id).Op.(graph.Context).Heads, c.node(id).Inputs
	v := c.joined(in[1], 3*heads)
	v.at = v.ld / 3 * 2
	return c.crossStep(id, &cross{heads: heads, y: c.joined(id, heads), a: c.apart(in[0], heads), b: v, bias: part{id: none}})
}

// crossContext is the same plus a bias: probabilities [B, h, n, m], v [B, m, E] -> [B, n, E].
func (c *compiler) crossContext(id graph.ID) step {
	heads, in := c.node(id).Op.(graph.CrossContext).Heads, c.node(id).Inputs
	v, p := c.joined(in[1], heads), c.apart(in[0], heads)
	if _, swapped := c.node(in[0]).Op.(graph.SwapLast); swapped && c.private(in[0]) {
		in = slices.Clone(in)
		in[0] = c.node(in[0]).Inputs[0]
		p = c.apart(in[0], heads)
		p.rows, p.columns, p.turned = p.columns, p.rows, true
	}
	s := c.crossStep(id, &cross{
		heads: heads, y: c.joined(id, heads), a: p, b: v, bias: part{id: c.operand(id, 2), head: v.head},
	})
	s.in = in
	return s
}

// absorbKeys takes a projection's weights [E, C] into keys [B, T, E] -> [B, h*T, C].
func (c *compiler) absorbKeys(id graph.ID) step {
	o, in := c.node(id).Op.(graph.AbsorbKeys), c.node(id).Inputs
	scale := float32(o.Scale)
	return c.crossStep(id, &cross{
		heads: o.Heads, y: c.apart(id, o.Heads), a: c.joined(in[0], o.Heads), b: c.apart(in[1], o.Heads), bias: part{id: none},
		finish: func(_ [][]float32, y []float32, _ int) { times(y, y, scale) },
	})
}

// absorbValues takes an output projection's weights [C, E] into values [B, T, E] -> [B, h*T, C].
func (c *compiler) absorbValues(id graph.ID) step {
	heads, in := c.node(id).Op.(graph.AbsorbValues).Heads, c.node(id).Inputs
	return c.crossStep(id, &cross{
		heads: heads, y: c.apart(id, heads), a: c.joined(in[0], heads), b: c.joined(in[1], heads), keys: true, scale: 1, bias: part{id: none},
	})
}

// headLinear projects each head's rows by its part of a weight: x [B, h*T, C], W [E, C], bias
// [E] -> [B, T, E].
func (c *compiler) headLinear(id graph.ID) step {
	heads, in := c.node(id).Op.(graph.HeadLinear).Heads, c.node(id).Inputs
	y := c.joined(id, heads)
	return c.crossStep(id, &cross{
		heads: heads, y: y, a: c.apart(in[0], heads), b: c.apart(in[1], heads), keys: true, scale: 1, bias: part{id: in[2], head: y.head},
	})
}

// absorbBias is the inner product of every head's keys [B, T, E] with its part of a bias [E], times
// Scale, plus a mask [B, T] -> [B, h*T].
func (c *compiler) absorbBias(id graph.ID) step {
	o, in, mask := c.node(id).Op.(graph.AbsorbBias), c.node(id).Inputs, c.operand(id, 2)
	k := c.joined(in[0], o.Heads)
	return step{in: in, tasks: c.shape(id)[0] * o.Heads, flops: 2 * c.g.MultiplyAdds(id), run: func(_ *worker, values [][]float32, task int) {
		keys, bias := k.from(values, task, o.Heads, 0), values[in[1]][task%o.Heads*k.columns:]
		for t := range k.rows {
			sum := float32(o.Scale) * dot(keys[t*k.ld:][:k.columns], bias)
			if mask != none {
				sum += values[mask][task/o.Heads*k.rows+t]
			}
			values[id][task*k.rows+t] = sum
		}
	}}
}

// dot is the inner product of two rows, b being as long as a at least.
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
func (c *compiler) tokenLogits(id graph.ID) step {
	in, limit := c.node(id).Inputs, float32(c.node(id).Op.(graph.TokenLogits).Limit)
	length, tokens := c.shape(in[2]).Last(), c.shape(in[2])[:2].Elements()
	own := c.temporary(tokens + 1) // of each token, then the factor
	before := step{name: "tokenlogits_own", in: in[2:], outs: []graph.ID{own}, tasks: tokens, run: func(_ *worker, values [][]float32, token int) {
		values[own][token] = dot(values[in[2]][token*length:][:length], values[in[3]]) + values[in[4]][0]
		if token == 0 {
			values[own][tokens] = float32(math.Exp(-float64(values[in[5]][0])))
		}
	}}
	s := c.crossStep(id, &cross{
		heads: 1, y: c.joined(id, 1), a: c.joined(in[0], 1), b: c.joined(in[1], 1), keys: true, scale: 1, bias: part{id: none},
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
