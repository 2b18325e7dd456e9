package cpu

import "github.com/glipvk/glipvk/graph"

// source is a value [rows, width] that is computed row by row as it is read: gathered
// from another value, normalised before or after that, or as it lies in memory.
type source struct {
	id      graph.ID  // what is in memory
	width   int       // of a fetched row
	piece   int       // of a row in memory
	gather  *rowMap   // nil for the rows as they are
	norm    *norm     // nil for none
	patches *patches  // nil for none; excludes gather
	taps    *taps     // of a convolution, nil for none; excludes all the above
	zeros   []float32 // a row in memory of which there is none, where parts are merged
	sampler *sampler  // of a deformable convolution, nil for none; likewise
}

// norm is a LayerNorm on the way. If it comes before the gathering, the zeros that the
// gathering puts in are zeros after the norm: padded tokens of a window are.
type norm struct {
	weight, bias graph.ID
	eps          float32
	before       bool
}

// patches is the geometry of graph.Patches.
type patches struct{ size, channels, height, width, down, across int }

// source finds how the value id can be computed on the way. If whole, id's own operation
// is part of it; else only if nobody else reads id.
func (c *compiler) source(id graph.ID, whole bool) source {
	s := source{width: c.shape(id).Last()}
	for ; whole || c.private(id); whole = false {
		n := c.node(id)
		single := s.gather == nil || s.gather.parts == 1
		if o, ok := n.Op.(graph.LayerNorm); ok && s.norm == nil && single {
			s.norm = &norm{n.Inputs[1], n.Inputs[2], float32(o.Eps), s.gather != nil}
		} else if moves(n.Op) && (single || n.Op.Kind() != (graph.MergePatches{}).Kind()) && (s.norm == nil || !s.norm.before) {
			s.gather = c.rowMap(id).after(s.gather)
		} else if o, ok := n.Op.(graph.Patches); ok && s.gather == nil && s.norm == nil {
			in := c.shape(n.Inputs[0])
			s.patches = &patches{o.Size, in[1], in[2], in[3], n.Shape[1], n.Shape[2]}
			id = n.Inputs[0]
			break
		} else {
			break
		}
		id = n.Inputs[0]
	}
	s.id, s.piece = id, c.shape(id).Last()
	if s.gather != nil && s.gather.parts > 1 {
		s.zeros = make([]float32, s.piece)
	}
	return s
}

// reads are the values that a source needs.
func (s *source) reads() []graph.ID {
	list := []graph.ID{s.id}
	if s.norm != nil {
		list = append(list, s.norm.weight, s.norm.bias)
	}
	if s.sampler != nil {
		list = append(list, s.sampler.om)
	}
	return list
}

// direct reports whether the rows can be read where they lie.
func (s *source) direct() bool {
	return s.gather == nil && s.norm == nil && s.patches == nil && s.taps == nil && s.sampler == nil
}

// fetch computes rows first to first+count-1 into dst, whose rows are ld apart.
func (s *source) fetch(k *kernels, values [][]float32, dst []float32, ld, first, count int) {
	x := values[s.id]
	switch {
	case s.taps != nil:
		for r := range count {
			s.taps.gather(dst[r*ld:][:s.width], x, first+r)
		}
	case s.sampler != nil:
		for r := range count {
			s.sampler.gather(k, dst[r*ld:][:s.width], x, values[s.sampler.om], first+r)
		}
	case s.patches != nil:
		for r := range count {
			s.patches.cut(dst[r*ld:][:s.width], x, first+r)
		}
	case s.norm != nil && s.gather == nil:
		s.norm.rows(k, values, dst, ld, x[first*s.width:], s.width, count, s.width)
	case s.norm != nil && s.norm.before:
		for r := range count {
			line := dst[r*ld:][:s.width]
			if from := s.gather.of(first + r); from >= 0 {
				s.norm.rows(k, values, line, 0, x[from*s.width:][:s.width], 0, 1, s.width)
			} else {
				clear(line)
			}
		}
	default:
		for r := range count {
			s.copyRow(dst[r*ld:][:s.width], x, first+r)
		}
		if s.norm != nil {
			s.norm.rows(k, values, dst, ld, dst, ld, count, s.width)
		}
	}
}

// copyRow gathers one row.
func (s *source) copyRow(dst, x []float32, r int) {
	if s.gather == nil || s.gather.parts == 1 {
		if from := s.gather.of(r); from >= 0 {
			copy(dst, x[from*s.piece:][:s.piece])
		} else {
			clear(dst)
		}
		return
	}
	parts := s.gather.parts
	if parts == 4 {
		s.merge(dst, x, s.gather.rows[r*4:])
		return
	}
	for p := range parts {
		from := int(s.gather.rows[r*parts+p])
		if from < 0 {
			for c := range s.piece {
				dst[c*parts+p] = 0
			}
			continue
		}
		for c, v := range x[from*s.piece:][:s.piece] {
			dst[c*parts+p] = v
		}
	}
}

// merge interleaves the channels of four rows, which is what a patch that is merged has.
func (s *source) merge(dst, x []float32, rows []int32) {
	var from [4][]float32
	for p := range from {
		if row := int(rows[p]); row >= 0 {
			from[p] = x[row*s.piece:][:s.piece]
		} else {
			from[p] = s.zeros
		}
	}
	a, b, c, d := from[0], from[1][:len(from[0])], from[2][:len(from[0])], from[3][:len(from[0])]
	for i, v := range a {
		to := dst[4*i:][:4]
		to[0], to[1], to[2], to[3] = v, b[i], c[i], d[i]
	}
}

// rows normalises count rows of n from x, ldx apart, to y, ldy apart; y may be x.
func (o *norm) rows(k *kernels, values [][]float32, y []float32, ldy int, x []float32, ldx, count, n int) {
	weight, bias := values[o.weight], values[o.bias]
	if n%chunk == 0 {
		k.layerNorm(y, ldy, x, ldx, weight, bias, o.eps, count, n/chunk)
		return
	}
	for r := range count {
		normalise(y[r*ldy:][:n], x[r*ldx:][:n], weight, bias, o.eps)
	}
}

// cut copies patch number r of a picture [B, c, H, W].
func (p *patches) cut(dst, x []float32, r int) {
	b, y, left := r/(p.down*p.across), r/p.across%p.down*p.size, r%p.across*p.size
	inside := min(p.size, p.width-left)
	for channel := range p.channels {
		for ky := range p.size {
			line := dst[(channel*p.size+ky)*p.size:][:p.size]
			if y+ky >= p.height {
				clear(line)
				continue
			}
			from := x[((b*p.channels+channel)*p.height+y+ky)*p.width+left:][:inside]
			if len(line) == 4 && len(from) == 4 {
				*(*[4]float32)(line) = *(*[4]float32)(from)
				continue
			}
			copy(line, from)
			clear(line[inside:])
		}
	}
}

// stride is the distance of rows of n floats that fetched rows are kept at: an odd number of
// cache lines, so that rows of one block do not compete for the same places in the cache.
func stride(n int) int {
	lines := (n + lineFloats - 1) / lineFloats
	return (lines | 1) * lineFloats
}

// spacious reports whether rows of n floats compete little where they lie.
func spacious(n int) bool { return n%lineFloats != 0 || n/lineFloats%16 != 0 }

// tasksOf cuts rows into about eight tasks a worker of at least so many rows.
func (c *compiler) tasksOf(rows, least int) (block, tasks int) {
	block = max(least, (rows+8*c.workers-1)/(8*c.workers))
	return block, (rows + block - 1) / block
}

// move is the step of an operation that only moves or normalises rows.
func (c *compiler) move(id graph.ID) step {
	s, k := c.source(id, true), c.kernels
	rows := c.shape(id).Rows()
	block, tasks := c.tasksOf(rows, max(1, 4096/s.width))
	return step{name: c.node(id).Op.Kind(), in: s.reads(), tasks: tasks, run: func(_ *worker, values [][]float32, task int) {
		first := task * block
		s.fetch(k, values, values[id][first*s.width:], s.width, first, min(block, rows-first))
	}}
}

// channelsFirst is y [B, C, H, W] of x [B, H, W, C], which may be computed on the way.
func (c *compiler) channelsFirst(id graph.ID) step {
	s, k := c.source(c.node(id).Inputs[0], false), c.kernels
	const block = 64 // tokens
	shape := c.shape(id)
	channels, plane := shape[1], shape[2]*shape[3]
	tasks := (plane + block - 1) / block
	ld := stride(channels)
	return step{name: "channelsfirst", in: s.reads(), tasks: shape[0] * tasks, rooms: rooms{slotRows: block * ld}, run: func(w *worker, values [][]float32, task int) {
		b, first := task/tasks, task%tasks*block
		count := min(block, plane-first)
		rows := w.room(slotRows, block*ld)
		s.fetch(k, values, rows, ld, b*plane+first, count)
		y := values[id][b*channels*plane:]
		k.transpose(y[first:], plane, rows, ld, count, channels, 1)
	}}
}
