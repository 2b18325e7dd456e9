package cpu

import (
	"math"

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
	return c.total(id, (n+chunk-1)/chunk, chunk, func(values [][]float32, block int) (sum float64) {
		for _, v := range values[x][block*chunk : min((block+1)*chunk, n)] {
			sum += float64(v) * float64(v)
		}
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
