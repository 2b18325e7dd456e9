package cpu

import "github.com/glipvk/glipvk/graph"

// taps is the geometry of a convolution. Row r of its left factor is what the kernel covers at
// output position r, tap by tap, the channels of each tap side by side: [side, side, C].
type taps struct{ side, stride, pad, channels, height, width, down, across int }

// tapsOf is the geometry of a convolution of x [B, H, W, C] by a kernel of that side to y.
func tapsOf(x, y graph.Shape, side, stride, pad int) taps {
	return taps{side, stride, pad, x[3], x[1], x[2], y[1], y[2]}
}

// conv is a convolution: the product of the gathered left factor and the weights.
func (c *compiler) conv(id graph.ID) step {
	n, o := c.node(id), c.node(id).Op.(graph.Conv)
	side := c.shape(n.Inputs[1])[2]
	left := c.source(n.Inputs[0], false)
	if side != 1 || o.Stride != 1 || o.Pad != 0 { // else it is a Linear
		t := tapsOf(c.shape(n.Inputs[0]), n.Shape, side, o.Stride, o.Pad)
		left = source{id: n.Inputs[0], width: side * side * t.channels, cut: &t}
	}
	return c.convolution(id, left, 1)
}

// convolution is the product of a left factor with weights [N, C, k, k], operand number at, and an optional bias [N].
func (c *compiler) convolution(id graph.ID, left source, at int) step {
	n := c.node(id)
	p := &product{
		k: c.kernels, out: id, m: n.Shape.Rows(), n: n.Shape.Last(), kk: left.width, left: left, flops: 2 * c.g.MultiplyAdds(id),
		matrix: n.Inputs[at], bias: c.operand(id, at+1), residual: none, stats: c.stats[id],
	}
	p.panels, _ = c.packed(p.matrix, asTaps)
	if t, ok := left.cut.(*taps); ok && p.n <= narrow && p.stats == nil && finite(p.panels) {
		return c.narrowConv(p, t)
	}
	if p.stats != nil {
		p.part = n.Shape[1] * n.Shape[2]
	}
	p.cut(c.workers)
	s := p.step()
	s.name = graph.Kind(n.Op)
	if p.stats != nil {
		p.stats.cut(p.rows)
		c.sizes[p.stats.id] = p.allRowBlocks() * statRows * p.n
		s.outs, s.name = []graph.ID{id, p.stats.id}, s.name+"_moments"
	}
	return s
}

// row copies what the kernel covers at output position r. The taps of one row of the kernel
// that are inside the map are one run of memory.
func (t *taps) row(_ *kernels, _ [][]float32, dst, x []float32, r int) {
	b, y, left := t.corner(r)
	from := min(max(0, -left), t.side)
	to := max(from, min(t.side, t.width-left))
	for ki := range t.side {
		line := dst[ki*t.side*t.channels:][:t.side*t.channels]
		if row := y + ki; row >= 0 && row < t.height && from < to {
			clear(line[:from*t.channels])
			copy(line[from*t.channels:to*t.channels], x[((b*t.height+row)*t.width+left+from)*t.channels:])
			clear(line[to*t.channels:])
		} else {
			clear(line)
		}
	}
}

// corner is the picture of output position r, and the row and column of its first tap.
func (t *taps) corner(r int) (b, y, x int) {
	return r / (t.down * t.across), r/t.across%t.down*t.stride - t.pad, r%t.across*t.stride - t.pad
}
