package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// samplerOf is the geometry of a deformable convolution of x to the shape y.
func (c *compiler) samplerOf(o graph.DeformConv, x graph.Shape, om graph.ID, y graph.Shape, side int) *sampler {
	t, plane := tapsOf(x, y, side, o.Stride, o.Pad), c.shape(om)
	return &sampler{taps: t, om: om, plane: plane[1] * plane[2], zeros: aligned(t.channels)}
}

// spot is where a tap of an output reads: right of and below a corner by these shares of the way to the next, and how that is
// weighed.
type spot struct {
	row, column       int // of the upper left corner
	down, right, mask float32
}

// beyond is the row of a spot that is outside the map.
const beyond = -2

// spotFloats is how many numbers a spot is kept as.
const spotFloats = 5

// spots are those of all taps of all outputs, as a value, and the step that computes it.
func (c *compiler) spots(s *sampler, pictures int) (graph.ID, step) {
	taps, outputs := s.side*s.side, pictures*s.down*s.across
	id := c.temporary(outputs * taps * spotFloats)
	const block = 64
	return id, step{name: "spots", in: []graph.ID{s.om}, outs: []graph.ID{id}, tasks: (outputs + block - 1) / block, run: func(_ *worker, values [][]float32, task int) {
		for r := task * block; r < min((task+1)*block, outputs); r++ {
			for tap := range taps {
				s.find(values, values[id][(r*taps+tap)*spotFloats:][:spotFloats], r, tap)
			}
		}
	}}
}

// find writes down the spot of a tap of output r.
func (s *sampler) find(values [][]float32, to []float32, r, tap int) {
	_, y, left := s.corner(r)
	om, at := s.places(values, r, tap)
	down, right := float64(y+tap/s.side)+float64(om[at[0]]), float64(left+tap%s.side)+float64(om[at[1]])
	to[0], to[4] = beyond, om[at[2]]
	if down > -1 && right > -1 && down < float64(s.height) && right < float64(s.width) {
		top, leftmost := math.Floor(down), math.Floor(right)
		to[0], to[1], to[2], to[3] = float32(top), float32(leftmost), float32(down-top), float32(right-leftmost)
	}
}

// places are where a picture's part of om has the offsets down and right and the mask of a tap of output r.
func (s *sampler) places(values [][]float32, r, tap int) (om []float32, at [3]int) {
	count, positions := s.side*s.side, s.down*s.across
	size, here := s.plane*3*count, r%positions
	place := func(first, f int) int { return f%s.plane*3*count + first + f/s.plane }
	return values[s.om][r/positions*size:][:size],
		[3]int{place(0, 2*tap*positions+here), place(0, (2*tap+1)*positions+here), place(2*count, tap*positions+here)}
}

// spotOf is a spot that was written down.
func spotOf(x []float32) spot {
	x = x[:spotFloats]
	return spot{int(x[0]), int(x[1]), x[2], x[3], x[4]}
}

// shares are how much the four corners count.
func (p spot) shares(factor float32) [4]float32 {
	down, right := factor*p.down, factor*(1-p.down)
	return [4]float32{right * (1 - p.right), right * p.right, down * (1 - p.right), down * p.right}
}

// around are n channels from one on of the four corners of a spot in a picture's map; what is outside is another row.
func (s *sampler) around(p spot, x, outside []float32, from, n int) (rows [4][]float32) {
	for which := range rows {
		row, column := p.row+which/2, p.column+which%2
		if rows[which] = outside; row >= 0 && row < s.height && column >= 0 && column < s.width {
			rows[which] = x[(row*s.width+column)*s.channels+from:][:n]
		}
	}
	return rows
}

// picture is a picture's part of a map.
func (s *sampler) picture(x []float32, b int) []float32 {
	size := s.height * s.width * s.channels
	return x[b*size:][:size]
}

// deformConvGradWeight is convGradWeight of sampled rows.
func (c *compiler) deformConvGradWeight(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.DeformConvGradWeight), c.node(id).Inputs, c.shape(id)
	s := c.samplerOf(o.DeformConv, c.shape(in[1]), in[2], c.shape(in[0]), o.Size)
	table, first := c.spots(s, c.shape(in[0])[0])
	taps, positions := o.Size*o.Size, s.down*s.across
	y := c.filterGrad(id, in[0], shape, []graph.ID{in[1], table}, func(k *kernels, values [][]float32, to []float32, row, tap, channel int) {
		p := spotOf(values[table][(row*taps+tap)*spotFloats:])
		if p.row == beyond {
			clear(to)
			return
		}
		x := s.around(p, s.picture(values[in[1]], row/positions), s.zeros, channel, len(to))
		k.of(len(to)).blend(to, x[0], x[1], x[2], x[3], p.shares(1), p.mask, len(to))
	})
	y.before = append([]step{first}, y.before...)
	return y
}

// deformGrads are the gradients of a deformable convolution with respect to its map and to where it samples that, which
// are of the same product: of the gradients g of the outputs and the weights.
type deformGrads struct {
	*sampler
	k             *kernels
	g, w          graph.ID
	x, toX        graph.ID // the map, and its gradient; none where that is not wanted
	panels, table graph.ID
	parts         graph.ID // [slices, outputs, taps, 3] of the gradients by mask, down and right; none where they are not wanted
	n, count      int      // channels and number of the outputs, of all pictures
	wide, slices  int      // of channels
}

// Sizes of what is computed at a time of the product: outputs, and channels of a task if there are several such slices.
const (
	outputBlock = 64
	sliceWidth  = 64
)

// deformConvGradX are the steps of a gradient by the map, and of that by the samples where both are there: what comes first
// computes the other on its way.
func (c *compiler) deformConvGradX(id graph.ID, o graph.DeformConv) []step {
	twin, done := c.deformTwin(id)
	if done {
		return nil
	}
	return (&deformGrads{}).steps(c, o, id, twin)
}

// deformConvGradOffset is [compiler.deformConvGradX] from the other side.
func (c *compiler) deformConvGradOffset(id graph.ID, o graph.DeformConv) []step {
	twin, done := c.deformTwin(id)
	if done {
		return nil
	}
	return (&deformGrads{}).steps(c, o, twin, id)
}

// deformTwin is the gradient by the other of map and samples, or none; done says that it computes this one.
func (c *compiler) deformTwin(id graph.ID) (twin graph.ID, done bool) {
	twin = none
	for _, other := range c.users[c.node(id).Inputs[0]] {
		if c.options.NoFusion || !c.deformTwins(id, other) {
			continue
		}
		if other < id {
			c.need(other)
			return none, true
		}
		if c.needed[other] {
			twin = other
		}
	}
	return twin, false
}

// deformTwins says whether two nodes are the gradients by map and by samples of one convolution.
func (c *compiler) deformTwins(a, b graph.ID) bool {
	x, isX := c.node(a).Op.(graph.DeformConvGradX)
	if !isX {
		a, b = b, a
		x, isX = c.node(a).Op.(graph.DeformConvGradX)
	}
	offset, isOffset := c.node(b).Op.(graph.DeformConvGradOffset)
	if !isX || !isOffset || x.DeformConv != offset.DeformConv {
		return false
	}
	p, q := c.node(a).Inputs, c.node(b).Inputs
	early := q[1] < min(a, b) // the map is there when the first of the two is computed
	return early && p[0] == q[0] && p[1] == q[2] && p[2] == q[3] && c.shape(a).Equal(c.shape(q[1]))
}

// steps computes the spots, the product and what becomes of it, and joins the slices' parts of the gradient by the samples.
func (d *deformGrads) steps(c *compiler, o graph.DeformConv, toX, toOffset graph.ID) []step {
	d.k, d.x, d.toX, d.parts = c.kernels, none, toX, none
	var om, like graph.ID
	if toOffset == none {
		in := c.node(toX).Inputs
		d.g, om, d.w, like = in[0], in[1], in[2], toX
	} else {
		in := c.node(toOffset).Inputs
		d.g, d.x, om, d.w, like = in[0], in[1], in[2], in[3], in[1]
	}
	w, out := c.shape(d.w), c.shape(d.g)
	d.sampler = c.samplerOf(o, c.shape(like), om, out, w[2])
	taps := d.side * d.side
	d.n, d.count, d.wide = w[0], out[0]*d.down*d.across, d.channels
	if d.channels%sliceWidth == 0 {
		d.wide = sliceWidth
	}
	d.slices = d.channels / d.wide
	table, first := c.spots(d.sampler, out[0])
	d.table, d.panels = table, c.packFilter(d.w, outputsOnly)
	ld := d.k.whole(d.wide)
	made := step{
		in: []graph.ID{d.g, d.x, d.w, d.table, d.panels}, outs: []graph.ID{}, tasks: out[0] * d.slices, run: d.run,
		rooms: rooms{slotRows: outputBlock * ld, slotTile: 2 * d.wide, slotStart: d.k.columns},
	}
	if toX != none {
		made.outs, made.name, made.flops = []graph.ID{toX}, "deformconvgradx", 2*c.g.MultiplyAdds(toX)
	}
	if toOffset == none {
		return []step{first, made}
	}
	d.parts = c.temporary(d.slices * d.count * taps * 3)
	made.outs = append(made.outs, d.parts)
	if made.name += "_offset"; toX == none {
		made.name, made.flops = "deformconvgradoffset", 2*c.g.MultiplyAdds(toOffset)
	}
	return append([]step{first, made}, d.join(toOffset)...)
}

// run computes a slice of a picture's channels: nobody else adds to them.
func (d *deformGrads) run(w *worker, values [][]float32, task int) {
	b, slice := task/d.slices, task%d.slices
	from, taps, positions := slice*d.wide, d.side*d.side, d.down*d.across
	ld := d.k.whole(d.wide)
	rows, room := w.room(slotRows, outputBlock*ld), w.room(slotTile, 2*d.wide)
	outside, trash := room[:d.wide], room[d.wide:]
	clear(room)
	var x, y []float32
	if d.x != none {
		x = d.picture(values[d.x], b)
	}
	if d.toX != none {
		y = d.picture(values[d.toX], b)
		for at := from; at < len(y); at += d.channels {
			clear(y[at:][:d.wide])
		}
	}
	k := d.k.of(d.wide)
	for first := b * positions; first < (b+1)*positions; first += outputBlock {
		count := min(outputBlock, (b+1)*positions-first)
		for tap := range taps {
			d.product(rows, ld, values, w, first, count, tap, from)
			for i := range count {
				at := (first+i)*taps + tap
				p := spotOf(values[d.table][at*spotFloats:])
				row := rows[i*ld:][:d.wide]
				if d.parts != none {
					d.differentiate(k, values[d.parts][(slice*d.count*taps+at)*3:][:3], p, x, outside, row, from)
				}
				if y != nil && p.row != beyond {
					to := d.around(p, y, trash, from, d.wide)
					k.spread(to[0], to[1], to[2], to[3], p.shares(p.mask), row, d.wide)
				}
			}
		}
	}
}

// differentiate is a slice's part of the gradients by a spot's mask, and by its way down and right but for the mask.
func (d *deformGrads) differentiate(k *kernels, to []float32, p spot, x, outside, row []float32, from int) {
	if clear(to); p.row == beyond {
		return
	}
	var q [4]float32
	at := d.around(p, x, outside, from, d.wide)
	k.dots(&q, at[0], at[1], at[2], at[3], row, d.wide)
	s := p.shares(1)
	to[0] = s[0]*q[0] + s[1]*q[1] + s[2]*q[2] + s[3]*q[3]
	to[1] = (q[2]-q[0])*(1-p.right) + (q[3]-q[1])*p.right
	to[2] = (q[1]-q[0])*(1-p.down) + (q[3]-q[2])*p.down
}

// product computes what samples of a tap get of the gradients of count outputs from first on, the channels of a slice.
func (d *deformGrads) product(dst []float32, ld int, values [][]float32, w *worker, first, count, tap, from int) {
	g := values[d.g][first*d.n:]
	if d.channels%d.k.columns == 0 {
		for column := 0; column < d.wide; column += d.k.columns {
			panel := values[d.panels][(tap*d.channels+from+column)*d.n:][:d.n*d.k.columns]
			d.k.multiply(dst[column:], ld, g, d.n, panel, d.n, w.start(d.k, nil), 0, count)
		}
		return
	}
	weights, taps := values[d.w], d.side*d.side // panels do not end with a tap's channels
	for i := range count {
		for c := range d.channels {
			sum := float32(0)
			for n, v := range g[i*d.n:][:d.n] {
				sum += v * weights[(n*d.channels+c)*taps+tap]
			}
			dst[i*ld+c] = sum
		}
	}
}

// join adds up the parts of the slices, and clears what is of no sample.
func (d *deformGrads) join(id graph.ID) []step {
	taps := d.side * d.side
	cleared := step{name: "clear", outs: []graph.ID{id}, tasks: 1, run: func(_ *worker, values [][]float32, _ int) { clear(values[id]) }}
	return []step{cleared, {
		name: "deformconvgradoffset_joined", in: []graph.ID{d.parts, d.om}, outs: []graph.ID{id}, tasks: (d.count + outputBlock - 1) / outputBlock,
		run: func(_ *worker, values [][]float32, task int) {
			for r := task * outputBlock; r < min((task+1)*outputBlock, d.count); r++ {
				to := values[id][r/(d.down*d.across)*d.plane*3*taps:]
				for tap := range taps {
					var sums [3]float32
					for slice := range d.slices {
						for i, v := range values[d.parts][((slice*d.count+r)*taps+tap)*3:][:3] {
							sums[i] += v
						}
					}
					om, at := d.places(values, r, tap)
					mask := om[at[2]]
					to[at[0]], to[at[1]], to[at[2]] = sums[1]*mask, sums[2]*mask, sums[0]
				}
			}
		},
	}}
}
