package cpu

import "github.com/glipvk/glipvk/graph"

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
