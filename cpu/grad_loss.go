package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// softplus is ln(1 + exp(x)).
func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// focalOf tells what an operation on token logits needs of a row: the row's tokens that are positive, and the mask.
func (c *compiler) focalOf(in []graph.ID) func(values [][]float32, row int) (z, positive, mask []float32) {
	shape, boxes := c.shape(in[0]), c.shape(in[2])[1]
	positions, tokens := shape[1], shape[2]
	return func(values [][]float32, row int) (z, positive, mask []float32) {
		b, box := row/positions, 0
		if v := values[in[1]][row]; v > 0 {
			box = int(min(float64(v), float64(boxes-1)))
		}
		return values[in[0]][row*tokens:][:tokens], values[in[2]][(b*boxes+box)*tokens:][:tokens], values[in[3]][b*tokens:][:tokens]
	}
}

// focal is the loss of a logit and its slope.
func focal(o graph.TokenFocalLoss, z float32, positive bool) (loss, slope float64) {
	v, alpha, sign := float64(z), 1-o.Alpha, 1.0
	if positive {
		v, alpha, sign = -v, o.Alpha, -1
	}
	p, rest := 1/(1+math.Exp(-v)), softplus(v)
	weight := alpha * p * p
	if o.Gamma != 2 {
		weight = alpha * math.Pow(p, o.Gamma)
	}
	return weight * rest, sign * weight * (o.Gamma*(1-p)*rest + p)
}

func (c *compiler) tokenFocalLoss(id graph.ID) step {
	o, in := c.node(id).Op.(graph.TokenFocalLoss), c.node(id).Inputs
	of := c.focalOf(in)
	return c.total(id, c.shape(in[0]).Rows(), c.shape(in[0]).Last(), func(values [][]float32, row int) (sum float64) {
		z, positive, mask := of(values, row)
		for t, v := range z {
			if mask[t] != 0 {
				loss, _ := focal(o, v, positive[t] != 0)
				sum += loss
			}
		}
		return sum
	})
}

func (c *compiler) tokenFocalLossGradX(id graph.ID) step {
	o, in := c.node(id).Op.(graph.TokenFocalLossGradX), c.node(id).Inputs
	of := c.focalOf(in[1:])
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		z, positive, mask := of(values, row)
		g := float64(values[in[0]][0])
		for t, v := range z {
			if y[t] = 0; mask[t] != 0 {
				_, slope := focal(o.TokenFocalLoss, v, positive[t] != 0)
				y[t] = float32(g * slope)
			}
		}
	})
}

// total is a value [1] that is a sum over rows of a width.
func (c *compiler) total(id graph.ID, rows, width int, of func(values [][]float32, row int) float64) step {
	in := c.node(id).Inputs
	blocks := max(1, min(sumBlocks, rows*width/sumLeast))
	size := (rows + blocks - 1) / blocks
	parts := c.temporary(blocks)
	before := step{name: graph.Kind(c.node(id).Op) + "_parts", in: in, outs: []graph.ID{parts}, tasks: blocks, run: func(_ *worker, values [][]float32, block int) {
		sum := 0.0
		for row := block * size; row < min((block+1)*size, rows); row++ {
			sum += of(values, row)
		}
		values[parts][block] = float32(sum)
	}}
	return step{in: []graph.ID{parts}, tasks: 1, before: []step{before}, run: func(_ *worker, values [][]float32, _ int) {
		sum := 0.0
		for _, v := range values[parts][:blocks] {
			sum += float64(v)
		}
		values[id][0] = float32(sum)
	}}
}

func (c *compiler) centernessLoss(id graph.ID) step {
	in := c.node(id).Inputs
	return c.total(id, c.shape(in[1]).Elements(), 1, func(values [][]float32, i int) float64 {
		if t := float64(values[in[1]][i]); t > 0 {
			z := float64(values[in[0]][i])
			return softplus(z) - z*t
		}
		return 0
	})
}

func (c *compiler) centernessLossGradX(id graph.ID) step {
	in := c.node(id).Inputs
	return c.blocks(id, 1, c.shape(id).Elements(), 4096, func(_ *worker, values [][]float32, _, first, count int) {
		for i := first; i < first+count; i++ {
			if values[id][i] = 0; values[in[2]][i] > 0 {
				values[id][i] = values[in[0]][0] * (logistic(values[in[1]][i]) - values[in[2]][i])
			}
		}
	})
}

// placed is a number and its derivatives by the four deltas that a box is made of.
type placed struct {
	v float64
	d [4]float64
}

// mix is the number v with derivatives a.d*s + b.d*t.
func mix(v float64, a placed, s float64, b placed, t float64) placed {
	r := placed{v: v}
	for i := range r.d {
		r.d[i] = a.d[i]*s + b.d[i]*t
	}
	return r
}

func add(a, b placed, sign float64) placed { return mix(a.v+sign*b.v, a, 1, b, sign) }
func mul(a, b placed) placed               { return mix(a.v*b.v, a, b.v, b, a.v) }
func div(a, b placed) placed               { return mix(a.v/b.v, a, 1/b.v, b, -a.v/(b.v*b.v)) }
func shift(a placed, by float64) placed    { a.v += by; return a }
func extreme(a, b placed, sign float64) placed { // the larger with sign 1, the smaller with -1
	switch d := sign * (a.v - b.v); {
	case d > 0:
		return a
	case d < 0:
		return b
	}
	return mix(a.v, a, 0.5, b, 0.5)
}

// boxLoss is weight * (1 - GIoU) of a box, made of deltas and an anchor, and one that is wanted, with its derivatives by
// the deltas.
func boxLoss(deltas, anchor, box []float32, weight float32) placed {
	limit := math.Log(1000.0 / 16)
	overlap, whole, own, wanted := placed{v: 1}, placed{v: 1}, placed{v: 1}, 1.0
	disjoint := false
	for axis := range 2 {
		first, last := float64(anchor[axis]), float64(anchor[axis+2])
		size := last - first + 1
		center := placed{v: float64(deltas[axis])/10*size + (first+last)/2}
		center.d[axis] = size / 10
		growth := placed{v: math.Exp(math.Min(float64(deltas[axis+2])/5, limit))}
		if float64(deltas[axis+2])/5 <= limit {
			growth.d[axis+2] = growth.v / 5
		}
		half := mix((growth.v*size-1)/2, growth, size/2, placed{}, 0)
		low, high := add(center, half, -1), add(center, half, 1)
		high = extreme(high, low, 1)
		from, to := placed{v: float64(box[axis])}, placed{v: float64(box[axis+2])}
		both := add(extreme(high, to, -1), extreme(low, from, 1), -1)
		disjoint = disjoint || !(both.v > 0)
		overlap = mul(overlap, both)
		whole = mul(whole, add(extreme(high, to, 1), extreme(low, from, -1), -1))
		own = mul(own, add(high, low, -1))
		wanted *= to.v - from.v
	}
	if disjoint {
		overlap = placed{}
	}
	union := shift(add(own, overlap, -1), wanted+1e-7)
	whole = shift(whole, 1e-7)
	value := add(div(overlap, union), div(add(whole, union, -1), whole), -1)
	return mix(float64(weight)*(1-value.v), value, -float64(weight), placed{}, 0)
}

func (c *compiler) gIoULoss(id graph.ID) step {
	in := c.node(id).Inputs
	anchors := c.shape(in[1])[0]
	return c.total(id, c.shape(in[3]).Elements(), 1, func(values [][]float32, i int) float64 {
		if weight := values[in[3]][i]; weight > 0 {
			return boxLoss(values[in[0]][4*i:], values[in[1]][i%anchors*4:], values[in[2]][4*i:], weight).v
		}
		return 0
	})
}

func (c *compiler) gIoULossGradX(id graph.ID) step {
	in := c.node(id).Inputs
	anchors := c.shape(in[2])[0]
	return c.blocks(id, 1, c.shape(id).Rows(), 1024, func(_ *worker, values [][]float32, _, first, count int) {
		for i := first; i < first+count; i++ {
			y := values[id][4*i:][:4]
			clear(y)
			if weight := values[in[4]][i]; weight > 0 {
				loss := boxLoss(values[in[1]][4*i:], values[in[2]][i%anchors*4:], values[in[3]][4*i:], weight)
				for k, d := range loss.d {
					y[k] = float32(float64(values[in[0]][0]) * d)
				}
			}
		}
	})
}
