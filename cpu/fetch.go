package cpu

import "github.com/glipvk/glipvk/graph"

// source is a value [rows, width] that is computed row by row as it is read: gathered
// from another value, normalised before or after that, or as it lies in memory.
type source struct {
	id     graph.ID  // what is in memory
	width  int       // of a fetched row
	gather *rowMap   // nil for the rows as they are
	norm   *norm     // nil for none
	zeros  []float32 // a row in memory of which there is none, where parts are merged
	cut    cutter    // nil for none; excludes all the above
}

// cutter makes row r of a left factor of the map x: patches, or what a kernel covers.
type cutter interface {
	row(k *kernels, values [][]float32, dst, x []float32, r int)
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
		if o, ok := n.Op.(graph.LayerNorm); ok && s.norm == nil && s.gather.single() {
			s.norm = &norm{n.Inputs[1], n.Inputs[2], float32(o.Eps), s.gather != nil}
		} else if moves(n.Op) && (s.gather.single() || graph.Kind(n.Op) != graph.Kind(graph.MergePatches{})) && (s.norm == nil || !s.norm.before) {
			s.gather = c.rowMap(id).after(s.gather)
		} else if o, ok := n.Op.(graph.Patches); ok && s.gather == nil && s.norm == nil {
			in := c.shape(n.Inputs[0])
			s.cut = &patches{o.Size, in[1], in[2], in[3], n.Shape[1], n.Shape[2]}
			id = n.Inputs[0]
			break
		} else {
			break
		}
		id = n.Inputs[0]
	}
	if s.id = id; !s.gather.single() {
		s.zeros = make([]float32, s.width/s.gather.parts)
	}
	return s
}

// reads are the values that a source needs.
func (s *source) reads() []graph.ID {
	list := []graph.ID{s.id}
	if s.norm != nil {
		list = append(list, s.norm.weight, s.norm.bias)
	}
	if sampled, ok := s.cut.(*sampler); ok {
		list = append(list, sampled.om)
	}
	return list
}

// direct reports whether the rows can be read where they lie.
func (s *source) direct() bool { return s.gather == nil && s.norm == nil && s.cut == nil }

// fetch computes rows first to first+count-1 into dst, whose rows are ld apart.
func (s *source) fetch(k *kernels, values [][]float32, dst []float32, ld, first, count int) {
	x := values[s.id]
	for r := range count {
		line := dst[r*ld:][:s.width]
		if s.cut != nil {
			s.cut.row(k, values, line, x, first+r)
		} else if !s.gather.single() {
			s.merge(line, x, s.gather.rows[(first+r)*s.gather.parts:])
		} else if from := s.gather.of(first + r); from < 0 {
			clear(line)
		} else if s.norm != nil && (s.norm.before || s.gather == nil) {
			s.norm.apply(k, values, line, x[from*s.width:])
			continue
		} else {
			copy(line, x[from*s.width:])
		}
		if s.norm != nil && !s.norm.before {
			s.norm.apply(k, values, line, line)
		}
	}
}

// merge interleaves the channels of four rows, which is what a patch that is merged has.
func (s *source) merge(dst, x []float32, rows []int32) {
	var from [4][]float32
	for p := range from {
		if row := int(rows[p]); row >= 0 {
			from[p] = x[row*len(s.zeros):][:len(s.zeros)]
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

// apply normalises a row x to y, which may be x.
func (o *norm) apply(k *kernels, values [][]float32, y, x []float32) {
	k.of(len(y)).layerNorm(y, 0, x, 0, values[o.weight], values[o.bias], o.eps, 1, len(y))
}

// row copies patch number r of a picture [B, c, H, W].
func (p *patches) row(_ *kernels, _ [][]float32, dst, x []float32, r int) {
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

// spacious reports whether rows of n floats compete little where they lie: whether they begin in more than one set of
// the first cache.
func spacious(n int) bool { return n%lineFloats != 0 || n/lineFloats%64 != 0 }

// blocks is a step whose tasks are about eight a worker: of n rows of each of so many pictures, some, at least
// so many. f is told the picture, the first row and their number.
func (c *compiler) blocks(id graph.ID, pictures, n, least int, f func(w *worker, values [][]float32, picture, first, count int)) step {
	block := max(least, (n+8*c.workers-1)/(8*c.workers))
	tasks := (n + block - 1) / block
	return step{in: c.node(id).Inputs, tasks: pictures * tasks, run: func(w *worker, values [][]float32, task int) {
		first := task % tasks * block
		f(w, values, task/tasks, first, min(block, n-first))
	}}
}

// move is the step of an operation that only moves or normalises rows.
func (c *compiler) move(id graph.ID) step {
	src, k := c.source(id, true), c.kernels
	s := c.blocks(id, 1, c.shape(id).Rows(), max(1, 4096/src.width), func(_ *worker, values [][]float32, _, first, count int) {
		src.fetch(k, values, values[id][first*src.width:], src.width, first, count)
	})
	s.in = src.reads()
	return s
}

// channelsFirst is y [B, C, H, W] of x [B, H, W, C], which may be computed on the way.
func (c *compiler) channelsFirst(id graph.ID) step {
	src, k := c.source(c.node(id).Inputs[0], false), c.kernels
	const block = 64 // tokens
	shape := c.shape(id)
	channels, plane := shape[1], shape[2]*shape[3]
	tasks := (plane + block - 1) / block
	ld := stride(channels)
	return step{in: src.reads(), tasks: shape[0] * tasks, rooms: rooms{slotRows: block * ld}, run: func(w *worker, values [][]float32, task int) {
		b, first := task/tasks, task%tasks*block
		count := min(block, plane-first)
		rows := w.room(slotRows, block*ld)
		src.fetch(k, values, rows, ld, b*plane+first, count)
		k.transpose(values[id][b*channels*plane+first:], plane, rows, ld, count, channels, 1)
	}}
}
