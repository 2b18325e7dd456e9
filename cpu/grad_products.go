package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// flat is a value as one matrix of its rows, matrix one of [N, K...] with n rows.
func (c *compiler) flat(id graph.ID) part { return c.matrixOf(id, c.shape(id).Rows()) }
func (c *compiler) matrixOf(id graph.ID, n int) part {
	columns := c.sizes[id] / n
	return part{id: id, rows: n, columns: columns, ld: columns}
}

// linearGradX is g W: g [..., N], W [N, K...].
func (c *compiler) linearGradX(id graph.ID) step {
	in := c.node(id).Inputs
	return c.crossStep(id, &cross{heads: 1, y: c.flat(id), a: c.flat(in[0]), b: c.matrixOf(in[1], c.shape(in[1])[0]), bias: part{id: none}})
}

// linearGradWeight is gᵀ x: g [..., N], x [..., K].
func (c *compiler) linearGradWeight(id graph.ID) step {
	in := c.node(id).Inputs
	x := c.flat(in[1])
	return c.crossStep(id, &cross{heads: 1, y: c.matrixOf(id, c.shape(id)[0]), a: c.turned(in[0]), b: x, bias: part{id: none}})
}

// turned is a value [..., N] as a left factor [N, ...].
func (c *compiler) turned(id graph.ID) part {
	p := c.flat(id)
	p.rows, p.columns, p.turned = p.columns, p.rows, true
	return p
}

// headLinearGradWeight sums over pictures and tokens a head's channel of g times the head's row of x: g [B, T, E], x
// [B, h*T, C] -> [E, C]. A task is a row.
func (c *compiler) headLinearGradWeight(id graph.ID) step {
	in, heads, shape := c.node(id).Inputs, c.node(id).Op.(graph.HeadLinearGradWeight).Heads, c.shape(id)
	e, n, batch, tokens := shape[0], shape[1], c.shape(in[0])[0], c.shape(in[0])[1]
	s := c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		clear(y)
		head := row / (e / heads)
		for b := range batch {
			for t := range tokens {
				v := values[in[0]][(b*tokens+t)*e+row]
				for i, x := range values[in[1]][((b*heads+head)*tokens+t)*n:][:n] {
					y[i] += v * x
				}
			}
		}
	})
	s.flops = 2 * c.g.MultiplyAdds(id)
	return s
}

// backTaps is the left factor that a convolution's gradient with respect to its map has: row r is the gradients of the
// outputs that covered position r, tap by tap, [side, side, N], 0 where there is none.
type backTaps struct{ taps }

func (t *backTaps) row(_ *kernels, _ [][]float32, dst, g []float32, r int) {
	b, y, x := r/(t.height*t.width), r/t.width%t.height+t.pad, r%t.width+t.pad
	n := len(dst) / t.side / t.side
	for tap := range t.side * t.side {
		line := dst[tap*n:][:n]
		down, across := y-tap/t.side, x-tap%t.side
		if down < 0 || across < 0 || down%t.stride != 0 || across%t.stride != 0 || down/t.stride >= t.down || across/t.stride >= t.across {
			clear(line)
			continue
		}
		copy(line, g[((b*t.down+down/t.stride)*t.across+across/t.stride)*n:])
	}
}

// convGradX is the product of what outputs give back and the weights, which a step packs tap by tap.
func (c *compiler) convGradX(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.ConvGradX), c.node(id).Inputs, c.shape(id)
	w := c.shape(in[1])
	t := backTaps{tapsOf(shape, c.shape(in[0]), w[2], o.Stride, o.Pad)}
	depth := w[0] * w[2] * w[2]
	packed := c.packFilter(in[1], tapsOutputs)
	p := &product{
		k: c.kernels, out: id, m: shape.Rows(), n: shape[3], kk: depth, left: source{id: in[0], width: depth, cut: &t},
		flops: 2 * c.g.MultiplyAdds(id), matrix: packed, made: packed, bias: none, residual: none,
	}
	p.cut(c.workers)
	s := p.step()
	s.name = "convgradx"
	return s
}

// panelOf says which of a filter's three numbers, output, tap and input channel, the rows of its panels are made of; the
// columns are the rest, the last number the fastest in both.
type panelOf int

const (
	tapsInputs  panelOf = iota // [k*k*C, N], of a convolution
	tapsOutputs                // [k*k*N, C], of its gradient with respect to the map
	outputsOnly                // [N, k*k*C], of the gradient with respect to samples
)

// packFilter is a filter [N, C, k, k] in panels, which a step at the beginning of the program makes, once for all that read it.
func (c *compiler) packFilter(id graph.ID, how panelOf) graph.ID {
	key := filterKey{id, how}
	if packed, made := c.filters[key]; made {
		return packed
	}
	w, k := c.shape(id), c.kernels
	n, channels, taps := w[0], w[1], w[2:].Elements()
	size, depth, columns := taps*channels, taps*n, channels
	switch how {
	case tapsInputs:
		depth, columns = size, n
	case outputsOnly:
		depth, columns = n, size
	}
	packed := c.temporary(k.whole(columns) * depth)
	s := step{path: c.node(id).Path, name: "pack", in: []graph.ID{id}, outs: []graph.ID{packed}}
	if how == tapsInputs {
		s.tasks, s.rooms = k.whole(columns)/k.columns, rooms{slotRows: k.columns * size}
		s.run = func(w *worker, values [][]float32, panel int) {
			first := panel * k.columns
			rows := w.room(slotRows, k.columns*size)
			count := min(k.columns, n-first)
			for f := range count {
				k.transpose(rows[f*size:], channels, values[id][(first+f)*size:], taps, channels, taps, 1)
			}
			k.packRows(values[packed][first*depth:][:depth*k.columns], rows, size, count, depth, 1)
		}
	} else {
		s.tasks, s.rooms = n, rooms{slotRows: size}
		s.run = func(w *worker, values [][]float32, f int) {
			row := w.room(slotRows, size)
			k.transpose(row, channels, values[id][f*size:], taps, channels, taps, 1)
			for tap := range taps {
				for from := 0; from < channels; {
					at, column := f, tap*channels+from // of the panels
					if how == tapsOutputs {
						at, column = tap*n+f, from
					}
					to := values[packed][column/k.columns*depth*k.columns+at*k.columns:][column%k.columns : k.columns]
					count := copy(to, row[tap*channels+from:(tap+1)*channels])
					if from += count; column+count == columns {
						clear(to[count:])
					}
				}
			}
		}
	}
	c.filters[key] = packed
	c.first = append(c.first, s)
	return packed
}

// filterKey names a filter as it is packed.
type filterKey struct {
	id  graph.ID
	how panelOf
}

// convGradWeight sums over the outputs their gradient times what the kernel covered, [N, k, k, C], then puts the taps of
// a channel together.
func (c *compiler) convGradWeight(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.ConvGradWeight), c.node(id).Inputs, c.shape(id)
	t := tapsOf(c.shape(in[1]), c.shape(in[0]), o.Size, o.Stride, o.Pad)
	return c.filterGrad(id, in[0], shape, in[1:2], func(k *kernels, values [][]float32, to []float32, row, tap, channel int) {
		b, y, x := t.corner(row)
		if y, x = y+tap/t.side, x+tap%t.side; y < 0 || y >= t.height || x < 0 || x >= t.width {
			clear(to)
			return
		}
		copy(to, values[in[1]][((b*t.height+y)*t.width+x)*t.channels+channel:][:len(to)])
	})
}

// filterGrad is the gradient of a filter [N, C, k, k]: g [..., N] turned times rows [k, k, C], of which fetch gives some
// channels of one tap.
func (c *compiler) filterGrad(id, g graph.ID, shape graph.Shape, reads []graph.ID, fetch func(k *kernels, values [][]float32, to []float32, row, tap, channel int)) step {
	channels, taps := shape[1], shape[2]*shape[3]
	tapMajor := c.temporary(shape.Elements())
	p := &cross{
		heads: 1, y: part{id: tapMajor, rows: shape[0], columns: taps * channels, ld: taps * channels}, a: c.turned(g), bias: part{id: none},
		fetch: func(panel []float32, values [][]float32, column, at, depth int) {
			wide := c.kernels.columns
			for i := range depth {
				line := panel[i*wide:][:wide]
				for j := 0; j < wide; {
					tap, channel := (column+j)/channels, (column+j)%channels
					if tap >= taps {
						clear(line[j:])
						break
					}
					n := min(wide-j, channels-channel)
					fetch(c.kernels, values, line[j:j+n], at+i, tap, channel)
					j += n
				}
			}
		},
	}
	before := c.crossOf(shape.Elements(), p)
	before.name, before.outs, before.flops = graph.Kind(c.node(id).Op), []graph.ID{tapMajor}, 2*c.g.MultiplyAdds(id)
	before.in = append([]graph.ID{g}, reads...)
	s := c.blocks(id, 1, shape[0], 1, func(_ *worker, values [][]float32, _, first, count int) {
		for n := first; n < first+count; n++ {
			c.kernels.transpose(values[id][n*channels*taps:], taps, values[tapMajor][n*channels*taps:], channels, taps, channels, 1)
		}
	})
	s.name, s.in, s.before = "filter", []graph.ID{tapMajor}, []step{before}
	return s
}

// samplerOf is the geometry of a deformable convolution of x to the shape y.
func (c *compiler) samplerOf(o graph.DeformConv, x graph.Shape, om graph.ID, y graph.Shape, side int) *sampler {
	t, plane := tapsOf(x, y, side, o.Stride, o.Pad), c.shape(om)
	return &sampler{taps: t, om: om, plane: plane[1] * plane[2], zeros: aligned(t.channels)}
}

// spot is where a tap of an output reads, and how its reading is weighed.
type spot struct {
	inside      bool
	row, column int        // of the upper left corner
	share       [4]float32 // of the corners
	dy, dx      [4]float32 // how the shares grow
	mask        float32
	flat        [3]int // where om has the two offsets and the mask, of the picture's channels
	picture     int
}

// spot is that of tap t of output r.
func (s *sampler) spot(values [][]float32, r, t int) (p spot) {
	b, y, left := s.corner(r)
	count, positions := s.side*s.side, s.down*s.across
	here := r % positions
	om := values[s.om][b*s.plane*3*count:][:s.plane*3*count]
	place := func(first, f int) int { return f%s.plane*3*count + first + f/s.plane }
	p.flat = [3]int{place(0, 2*t*positions+here), place(0, (2*t+1)*positions+here), place(2*count, t*positions+here)}
	p.mask, p.picture = om[p.flat[2]], b
	at := point{float64(y+t/s.side) + float64(om[p.flat[0]]), float64(left+t%s.side) + float64(om[p.flat[1]])}
	if !(at.y > -1 && at.x > -1 && at.y < float64(s.height) && at.x < float64(s.width)) {
		return p
	}
	p.inside = true
	top, leftmost := math.Floor(at.y), math.Floor(at.x)
	p.row, p.column = int(top), int(leftmost)
	down, right := float32(at.y-top), float32(at.x-leftmost)
	p.share = [4]float32{(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right}
	p.dy = [4]float32{right - 1, -right, 1 - right, right}
	p.dx = [4]float32{down - 1, 1 - down, -down, down}
	return p
}

// corners calls f for the corners of a spot that are inside the map: the first element of the position, and which it is.
func (s *sampler) corners(p spot, f func(at, which int)) {
	if !p.inside {
		return
	}
	for which := range 4 {
		row, column := p.row+which/2, p.column+which%2
		if row >= 0 && row < s.height && column >= 0 && column < s.width {
			f(((p.picture*s.height+row)*s.width+column)*s.channels, which)
		}
	}
}

// deformConvGradWeight is convGradWeight of sampled rows.
func (c *compiler) deformConvGradWeight(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.DeformConvGradWeight), c.node(id).Inputs, c.shape(id)
	s := c.samplerOf(o.DeformConv, c.shape(in[1]), in[2], c.shape(in[0]), o.Size)
	return c.filterGrad(id, in[0], shape, in[1:], func(k *kernels, values [][]float32, to []float32, row, tap, channel int) {
		clear(to)
		p := s.spot(values, row, tap)
		s.corners(p, func(at, which int) {
			share := p.share[which] * p.mask
			for i, v := range values[in[1]][at+channel:][:len(to)] {
				to[i] += share * v
			}
		})
	})
}

// sampleGrad computes what samples get of the gradients g of count outputs from first on: rows [k, k, channels of a
// slice], from panels of the weights.
type sampleGrad struct {
	k       *kernels
	g       graph.ID
	n       int      // of g
	panels  graph.ID // of [N, k*k*C]
	columns int      // k*k*C
}

// into computes columns from on to, both multiples of a panel but for the last.
func (s sampleGrad) into(dst []float32, ld int, values [][]float32, w *worker, first, count, from, to int) {
	start := w.room(slotStart, s.k.columns)
	clear(start)
	for column := from; column < to; column += s.k.columns {
		panel := values[s.panels][column*s.n:][:s.n*s.k.columns]
		s.k.multiply(dst[column-from:], ld, values[s.g][first*s.n:], s.n, panel, s.n, start, 0, count)
	}
}

// outputBlock is how many outputs are taken at a time.
const outputBlock = 64

// deformConvGradX gives every corner of every sample its share. A task is a slice of channels of a picture, so that
// nobody else adds to them.
func (c *compiler) deformConvGradX(id graph.ID) step {
	o, in, shape := c.node(id).Op.(graph.DeformConvGradX), c.node(id).Inputs, c.shape(id)
	w := c.shape(in[2])
	s := c.samplerOf(o.DeformConv, shape, in[1], c.shape(in[0]), w[2])
	taps, channels, k := w[2]*w[2], w[1], c.kernels
	packed := c.packFilter(in[2], outputsOnly)
	grad := sampleGrad{k, in[0], w[0], packed, taps * channels}
	wide := k.columns
	for wide*2 <= channels && channels%(wide*2) == 0 && channels/(wide*2) >= 4*c.workers {
		wide *= 2
	}
	if channels%wide != 0 {
		wide = k.whole(channels) // one slice
	}
	slices, positions := (channels+wide-1)/wide, s.down*s.across
	run := func(w *worker, values [][]float32, task int) {
		b, from := task/slices, task%slices*wide
		width := min(wide, channels-from)
		plane := s.height * s.width * channels
		for at := b*plane + from; at < (b+1)*plane; at += channels {
			clear(values[id][at:][:width])
		}
		ld := k.whole(wide)
		rows := w.room(slotRows, outputBlock*ld)
		for first := b * positions; first < (b+1)*positions; first += outputBlock {
			count := min(outputBlock, (b+1)*positions-first)
			for tap := range taps {
				if channels%k.columns == 0 {
					grad.into(rows, ld, values, w, first, count, tap*channels+from, tap*channels+from+width)
				} else {
					grad.plain(rows, ld, values[in[2]], values, first, count, tap, taps, channels)
				}
				for i := range count {
					p := s.spot(values, first+i, tap)
					s.corners(p, func(at, which int) {
						share := p.share[which] * p.mask
						to := values[id][at+from:][:width]
						for j, v := range rows[i*ld:][:width] {
							to[j] += share * v
						}
					})
				}
			}
		}
	}
	return step{in: append([]graph.ID{packed}, in...), tasks: shape[0] * slices, flops: 2 * c.g.MultiplyAdds(id), run: run,
		rooms: rooms{slotRows: outputBlock * k.whole(wide), slotStart: k.columns}}
}

// plain computes a tap's rows where panels do not end with a tap's channels.
func (s sampleGrad) plain(dst []float32, ld int, weights []float32, values [][]float32, first, count, tap, taps, channels int) {
	for i := range count {
		g := values[s.g][(first+i)*s.n:][:s.n]
		for c := range channels {
			sum := float32(0)
			for n, v := range g {
				sum += v * weights[(n*channels+c)*taps+tap]
			}
			dst[i*ld+c] = sum
		}
	}
}

// deformConvGradOffset differentiates where the samples lie and their masks. A task is some outputs: each writes places of
// its own; the others are cleared before.
func (c *compiler) deformConvGradOffset(id graph.ID) step {
	o, in := c.node(id).Op.(graph.DeformConvGradOffset), c.node(id).Inputs
	w, out := c.shape(in[3]), c.shape(in[0])
	s := c.samplerOf(o.DeformConv, c.shape(in[1]), in[2], out, w[2])
	taps, channels, k := w[2]*w[2], w[1], c.kernels
	packed := c.packFilter(in[3], outputsOnly)
	grad := sampleGrad{k, in[0], w[0], packed, taps * channels}
	size := c.shape(id)[1:].Elements()
	cleared := step{name: "clear", outs: []graph.ID{id}, tasks: 1, run: func(_ *worker, values [][]float32, _ int) { clear(values[id]) }}
	ld := k.whole(channels)
	positions := out[0] * s.down * s.across
	run := func(w *worker, values [][]float32, task int) {
		first := task * outputBlock
		count := min(outputBlock, positions-first)
		rows := w.room(slotRows, outputBlock*ld)
		for tap := range taps {
			if channels%k.columns == 0 {
				grad.into(rows, ld, values, w, first, count, tap*channels, (tap+1)*channels)
			} else {
				grad.plain(rows, ld, values[in[3]], values, first, count, tap, taps, channels)
			}
			for i := range count {
				p := s.spot(values, first+i, tap)
				var mask, dy, dx float32
				s.corners(p, func(at, which int) {
					part := dot(rows[i*ld:][:channels], values[in[1]][at:][:channels])
					mask, dy, dx = mask+part*p.share[which], dy+part*p.dy[which], dx+part*p.dx[which]
				})
				to := values[id][p.picture*size:]
				to[p.flat[0]], to[p.flat[1]], to[p.flat[2]] = dy*p.mask, dx*p.mask, mask
			}
		}
	}
	return step{in: append([]graph.ID{packed}, in...), outs: []graph.ID{id}, tasks: (positions + outputBlock - 1) / outputBlock, flops: 2 * c.g.MultiplyAdds(id), run: run,
		before: []step{cleared}, rooms: rooms{slotRows: outputBlock * ld, slotStart: k.columns}}
}
