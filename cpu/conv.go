package cpu

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// taps is the geometry of a convolution. Row r of its left factor is what the kernel covers at
// output position r, tap by tap, the channels of each tap side by side: [side, side, C].
type taps struct{ side, stride, pad, channels, height, width, down, across int }

// tapsOf is the geometry of a convolution of x [B, H, W, C] by a kernel of that side to y.
func tapsOf(x, y graph.Shape, side, stride, pad int) taps {
	return taps{side, stride, pad, x[3], x[1], x[2], y[1], y[2]}
}

// conv is a convolution: the product of the gathered left factor and the weights.
func (c *compiler) conv(id graph.ID, o graph.Conv) (step, error) {
	n := c.node(id)
	side := c.shape(n.Inputs[1])[2]
	left := c.source(n.Inputs[0], false)
	if side != 1 || o.Stride != 1 || o.Pad != 0 { // else it is a Linear
		t := tapsOf(c.shape(n.Inputs[0]), n.Shape, side, o.Stride, o.Pad)
		left = source{id: n.Inputs[0], width: side * side * t.channels, piece: t.channels, taps: &t}
	}
	return c.convolution(id, left, n.Inputs[1:])
}

// convolution is the product of a left factor with weights [N, C, k, k] and an optional bias [N].
func (c *compiler) convolution(id graph.ID, left source, weights []graph.ID) (step, error) {
	n := c.node(id)
	p := &product{k: c.kernels, out: id, m: n.Shape.Rows(), n: n.Shape.Last(), kk: left.width, left: left, matrix: weights[0]}
	var ok bool
	if p.panels, ok = c.weights.packed[packedKey{c.node(p.matrix).Path, true}]; !ok {
		return step{}, fmt.Errorf("the weights of a convolution must be a parameter, %s is %s", c.node(p.matrix).Path, c.node(p.matrix).Op.Kind())
	}
	if len(weights) == 2 {
		p.bias, p.hasBias = weights[1], true
	}
	if left.taps != nil && p.n <= narrow && c.stats[id] == nil && finite(p.panels.data) {
		return c.narrowConv(p), nil
	}
	if p.stats = c.stats[id]; p.stats != nil {
		p.part = n.Shape[1] * n.Shape[2]
	}
	p.cut(c.workers)
	p.flops = 2 * c.g.MultiplyAdds(id)
	s := p.step()
	s.name = n.Op.Kind()
	if p.stats != nil {
		p.stats.rows = p.rows
		c.sizes[p.stats.id] = p.allRowBlocks() * statRows * p.n
		s.outs, s.name = []graph.ID{id, p.stats.id}, s.name+"_moments"
	}
	return s, nil
}

// gather copies what the kernel covers at output position r. The taps of one row of the kernel
// that are inside the map are one run of memory.
func (t *taps) gather(dst, x []float32, r int) {
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
