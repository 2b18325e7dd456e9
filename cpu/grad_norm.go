package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// rowSpread is the mean of a row and 1/sqrt(variance + eps).
func rowSpread(x []float32, eps float64) (mean, factor float32) {
	m := float64(sum(x)) / float64(len(x))
	var sums [4]float64
	for i, v := range x {
		d := float64(v) - m
		sums[i%4] += d * d
	}
	variance := (sums[0] + sums[1] + sums[2] + sums[3]) / float64(len(x))
	return float32(m), float32(1 / math.Sqrt(variance+eps))
}

// layerNormGradX is factor * (u - mean of u - h * mean of u*h), h being the normalised row and u = g * weight.
func (c *compiler) layerNormGradX(id graph.ID) step {
	in, n, eps := c.node(id).Inputs, c.shape(id).Last(), float32(c.node(id).Op.(graph.LayerNormGradX).Eps)
	return c.blocks(id, 1, c.shape(id).Rows(), max(1, 4096/n), func(_ *worker, values [][]float32, _, first, count int) {
		at := first * n
		c.kernels.of(n).layerNormGrad(values[id][at:], n, values[in[0]][at:], n, values[in[1]][at:], n, values[in[2]], eps, count, n)
	})
}

// layerNormGradWeight sums g times the normalised rows: some rows a task, whose sums a last step adds up; where they are cut does
// not depend on the workers.
func (c *compiler) layerNormGradWeight(id graph.ID) step {
	in, n, eps := c.node(id).Inputs, c.shape(id).Last(), float32(c.node(id).Op.(graph.LayerNormGradWeight).Eps)
	rows, k, ones := c.shape(in[1]).Rows(), c.kernels.of(n), aligned(n)
	for i := range ones {
		ones[i] = 1
	}
	blocks := max(1, min(sumBlocks, rows*n/sumLeast))
	size := (rows + blocks - 1) / blocks
	parts := c.temporary(blocks * n)
	before := step{name: "layernormgradweight_parts", in: in, outs: []graph.ID{parts}, tasks: blocks, rooms: rooms{slotTile: 2 * n}, run: func(w *worker, values [][]float32, block int) {
		sums, room := values[parts][block*n:][:n], w.room(slotTile, 2*n)
		normal, none := room[:n], room[n:]
		clear(sums)
		clear(none)
		for row := block * size; row < min((block+1)*size, rows); row++ {
			k.layerNorm(normal, 0, values[in[1]][row*n:], 0, ones, none, eps, 1, n)
			k.mulAdd(sums, values[in[0]][row*n:], normal, n)
		}
	}}
	return step{in: []graph.ID{parts}, tasks: 1, before: []step{before}, run: func(_ *worker, values [][]float32, _ int) {
		clear(values[id])
		k.add(values[id], 0, values[id], 0, values[parts], n, blocks, n)
	}}
}

// groupSpread is the spread of a group of channels of a picture, from channel first on.
func groupSpread(x []float32, channels, first, size int, eps float64) (mean, factor float32) {
	n := len(x) / channels * size
	total := 0.0
	for at := first; at < len(x); at += channels {
		for _, v := range x[at:][:size] {
			total += float64(v)
		}
	}
	m := total / float64(n)
	squares := 0.0
	for at := first; at < len(x); at += channels {
		for _, v := range x[at:][:size] {
			d := float64(v) - m
			squares += d * d
		}
	}
	return float32(m), float32(1 / math.Sqrt(squares/float64(n)+eps))
}

// groupNormGradX: a task is a group of a picture.
func (c *compiler) groupNormGradX(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.GroupNormGradX), c.node(id).Inputs, c.shape(id)
	plane, channels := shape[1]*shape[2]*shape[3], shape[3]
	size := channels / o.Groups
	return step{in: in, tasks: shape[0] * o.Groups, run: func(_ *worker, values [][]float32, task int) {
		from, first := task/o.Groups*plane, task%o.Groups*size
		g, x, y, weight := values[in[0]][from:][:plane], values[in[1]][from:][:plane], values[id][from:][:plane], values[in[2]][first:][:size]
		mean, factor := groupSpread(x, channels, first, size, o.Eps)
		var a, b float64
		for at := first; at < plane; at += channels {
			for i, w := range weight {
				u := g[at+i] * w
				a += float64(u)
				b += float64(u * (x[at+i] - mean) * factor)
			}
		}
		n := float64(plane / channels * size)
		sums, products := float32(a/n), float32(b/n)
		for at := first; at < plane; at += channels {
			for i, w := range weight {
				y[at+i] = factor * (g[at+i]*w - sums - (x[at+i]-mean)*factor*products)
			}
		}
	}}
}

// groupNormGradWeight: a task is a group, of all pictures.
func (c *compiler) groupNormGradWeight(id graph.ID) step {
	o, in := c.node(id).Op.(graph.GroupNormGradWeight), c.node(id).Inputs
	shape := c.shape(in[1])
	plane, channels := shape[1]*shape[2]*shape[3], shape[3]
	size := channels / o.Groups
	return step{in: in, tasks: o.Groups, run: func(_ *worker, values [][]float32, group int) {
		first := group * size
		sums := make([]float64, size)
		for b := range shape[0] {
			g, x := values[in[0]][b*plane:][:plane], values[in[1]][b*plane:][:plane]
			mean, factor := groupSpread(x, channels, first, size, o.Eps)
			for at := first; at < plane; at += channels {
				for i := range sums {
					sums[i] += float64(g[at+i] * (x[at+i] - mean) * factor)
				}
			}
		}
		for i, v := range sums {
			values[id][first+i] = float32(v)
		}
	}}
}
