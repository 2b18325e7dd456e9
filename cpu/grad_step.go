package cpu

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// mixed spreads a number over all of 32 bits; see [graph.Keep].
func mixed(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}

// keep throws dice for each element.
func (c *compiler) keep(id graph.ID) step {
	o, counter := c.node(id).Op.(graph.Keep), c.node(id).Inputs[0]
	limit, kept := o.Threshold(), float32(1/(1-o.Rate))
	return c.blocks(id, 1, c.shape(id).Elements(), 1<<14, func(_ *worker, values [][]float32, _, first, count int) {
		start := mixed(mixed(mixed(uint32(values[counter][0]))^uint32(values[counter][1])) ^ o.Stream)
		for i := first; i < first+count; i++ {
			if values[id][i] = kept; mixed(start^uint32(i))>>8 < limit {
				values[id][i] = 0
			}
		}
	})
}

// dropBlock clears what lies near a seed: a task is a row; then the rest makes up for it.
func (c *compiler) dropBlock(id graph.ID) step {
	x, reach, shape := c.node(id).Inputs[0], c.node(id).Op.(graph.DropBlock).Size/2, c.shape(id)
	height, width := shape[1], shape[2]
	return step{in: []graph.ID{x}, tasks: 1, run: func(_ *worker, values [][]float32, _ int) {
		y, seeds, kept := values[id], values[x], 0
		for i := range y {
			b, row, column := i/width/height, i/width%height, i%width
			y[i] = 1
			for r := max(row-reach, 0); r <= min(row+reach, height-1); r++ {
				for s := max(column-reach, 0); s <= min(column+reach, width-1); s++ {
					if seeds[(b*height+r)*width+s] != 0 {
						y[i] = 0
					}
				}
			}
			kept += int(y[i])
		}
		times(y, y, float32(float64(len(y))/float64(kept)))
	}}
}

func (c *compiler) sumSquares(id graph.ID) step {
	x := c.node(id).Inputs[0]
	n := c.shape(x).Elements()
	const size = 256 * chunk
	return c.total(id, (n+size-1)/size, size, func(values [][]float32, block int) (sum float64) {
		part := values[x][block*size : min((block+1)*size, n)]
		c.kernels.parts(len(part), func(k *kernels, from, n int) { sum += k.sumSquares(part[from:], n) })
		return sum
	})
}

func (c *compiler) clipScale(id graph.ID) step {
	x, limit := c.node(id).Inputs[0], c.node(id).Op.(graph.ClipScale).Limit
	return step{in: []graph.ID{x}, tasks: 1, run: func(_ *worker, values [][]float32, _ int) {
		values[id][0] = float32(math.Min(1, limit/(math.Sqrt(float64(values[x][0]))+1e-6)))
	}}
}

// moment is Beta m + (1-Beta) (s g)^Power.
func (c *compiler) moment(id graph.ID) step {
	o, in := c.node(id).Op.(graph.Moment), c.node(id).Inputs
	beta, rest := float32(o.Beta), float32(1-o.Beta)
	return c.eachFrom(id, func(y, m []float32, values [][]float32, first int) {
		g, s := values[in[1]][first:][:len(y)], values[in[2]][0]
		if o.Power == 1 {
			for i, v := range g {
				y[i] = beta*m[i] + rest*(s*v)
			}
			return
		}
		for i, v := range g {
			y[i] = beta*m[i] + rest*(s*v)*(s*v)
		}
	})
}

// adamW is x (1 - lr decay) - lr (m/c1) / (sqrt(v/c2) + Eps).
func (c *compiler) adamW(id graph.ID) step {
	o, in := c.node(id).Op.(graph.AdamW), c.node(id).Inputs
	if s, ok := c.update(id, o, in); ok {
		return s
	}
	eps := float32(o.Eps)
	return c.eachFrom(id, func(y, x []float32, values [][]float32, first int) {
		m, v, rates := values[in[1]][first:][:len(y)], values[in[2]][first:][:len(y)], values[in[3]][:4]
		stay, lr := float32(1-float64(rates[0])*float64(rates[1])), rates[0]
		first1, second := 1/rates[2], 1/rates[3]
		for i, w := range x {
			y[i] = w*stay - lr*(m[i]*first1)/(float32(math.Sqrt(float64(v[i]*second)))+eps)
		}
	})
}

// update is AdamW with the moments that it goes by, if they are of one gradient and nobody else reads them: every number
// is read and written once.
func (c *compiler) update(id graph.ID, o graph.AdamW, in []graph.ID) (step, bool) {
	first, second := c.node(in[1]), c.node(in[2])
	m, isFirst := first.Op.(graph.Moment)
	v, isSecond := second.Op.(graph.Moment)
	if !isFirst || !isSecond || m.Power != 1 || v.Power != 2 || !slices.Equal(first.Inputs[1:], second.Inputs[1:]) ||
		c.options.NoFusion || len(c.users[in[1]]) > 1 || len(c.users[in[2]]) > 1 {
		return step{}, false
	}
	c.taken[in[1]], c.taken[in[2]] = true, true
	reads := []graph.ID{in[0], first.Inputs[0], second.Inputs[0], first.Inputs[1], first.Inputs[2], in[3]}
	size := c.shape(id).Elements()
	s := c.blocks(id, 1, (size+chunk-1)/chunk, 256, func(_ *worker, values [][]float32, _, begin, count int) {
		begin *= chunk
		rates := values[in[3]]
		constants := [9]float32{
			values[first.Inputs[2]][0], float32(m.Beta), float32(1 - m.Beta), float32(v.Beta), float32(1 - v.Beta),
			float32(1 - float64(rates[0])*float64(rates[1])), rates[0] / rates[2], 1 / rates[3], float32(o.Eps),
		}
		c.kernels.parts(min(count*chunk, size-begin), func(k *kernels, from, n int) {
			of := func(id graph.ID) []float32 { return values[id][begin+from:] }
			k.adamW(of(in[0]), of(reads[1]), of(reads[2]), of(id), of(in[1]), of(in[2]), of(reads[3]), &constants, n)
		})
	})
	s.in, s.outs = reads, []graph.ID{id, in[1], in[2]}
	return s, true
}
