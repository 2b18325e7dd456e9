package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// convPacking of a weight [N, C, k, k]. The matrix is [N, k*k*C], tap after tap, so that a
// row of the other matrix consists of runs of C channels of a map. Any N will do, because
// offset convolutions have 27; rows of [K, N] are whole vec4s for it.
func (s Style) convPacking(w graph.Shape, p Precision) packing {
	k := packing{taps: w[2] * w[3], panels: s.Gemm == uniform && w[1]%8 == 0, half: p == F16 && w[1]%4 == 0}
	if !k.panels && w[1]%4 == 0 {
		k.cols = ceilDiv(w[0], 4) * 4
	}
	return k
}

// channelsLast turns the weight of a convolution, [n, C, taps], into a matrix of n rows,
// padded with zeros to p.cols, and returns their number. Other matrices stay as they are.
func (p packing) channelsLast(x []float32, n int) ([]float32, int) {
	if p.taps == 0 {
		return x, n
	}
	rows := max(n, p.cols)
	k := len(x) / n
	c := k / p.taps
	y := make([]float32, rows*k)
	for row := range n {
		from, to := x[row*k:], y[row*k:]
		for channel := range c {
			for tap := range p.taps {
				to[tap*c+channel] = from[channel*p.taps+tap]
			}
		}
	}
	return y, rows
}

// convolution is a Conv or a DeformConv with its sizes.
type convolution struct {
	x, om, weight, bias graph.ID // -1 where there is none
	stride, pad, side   int
	pictures            int
	mapH, mapW, c       int
	outH, outW, n       int
	positions           int // of a picture of om
	dilation            int // zeros between positions of the map make it so many times as large; 0 is 1
}

func (l *lowerer) convolution(s step) convolution {
	v := convolution{x: s.in[0], om: -1, bias: -1}
	switch o := s.op.(type) {
	case graph.Conv:
		v.weight, v.stride, v.pad = s.in[1], o.Stride, o.Pad
		if len(s.in) == 3 {
			v.bias = s.in[2]
		}
	case graph.DeformConv:
		v.om, v.weight, v.bias, v.stride, v.pad = s.in[1], s.in[2], s.in[3], o.Stride, o.Pad
		om := l.shape(v.om)
		v.positions = om[1] * om[2]
	}
	x, y := l.shape(v.x), l.shape(s.out)
	v.side = l.shape(v.weight)[2]
	v.pictures, v.mapH, v.mapW, v.c = x[0], x[1], x[2], x[3]
	v.outH, v.outW, v.n = y[1], y[2], y[3]
	return v
}

func (v convolution) k() int    { return v.side * v.side * v.c }
func (v convolution) rows() int { return v.pictures * v.outH * v.outW }

// placed is where the rows of a convolution lie in its map.
func (v convolution) placed() placing {
	return placing{uint32(v.mapH), uint32(v.mapW), uint32(v.outH), uint32(v.outW), uint32(v.positions), uint32(v.stride), uint32(v.pad)}
}

// pointwise reports whether the rows of x are those of the product.
func (v convolution) pointwise() bool {
	return v.om < 0 && v.side == 1 && v.stride == 1 && v.pad == 0 && v.dilation <= 1
}

// rowsBytes is the memory for rows of convolutions as they are multiplied. It is so little that
// they are in the cache still when they are read.
const rowsBytes = 4 << 20

// readsMap reports whether the product reads the rows of a convolution from the map, without
// memory for them: shaders that go through shared memory do, since their steps along K stay within a
// tap. In gemm_direct, which reads every row once for each 96 columns, a sample would be taken
// three times for 256; rows of their own cost a tenth of the product, less than they give back by
// being in the cache (llvmpipe, Mesa 22.3, processor time of 16800 x 256 x 2304: deformable 0.84 s,
// plain 0.90 s, the linear of that size 1.04 s).
func (l *lowerer) readsMap(v convolution) bool {
	step := 32
	if l.style.Matrix.Lanes > 0 {
		step = max(step, l.style.Matrix.step())
	}
	return (l.style.Gemm == tiled || l.style.Gemm == coop) && v.c%step == 0 && !v.pointwise()
}

// columnRows is how many rows of a convolution are made at a time: equal parts.
func (l *lowerer) columnRows(v convolution) int {
	most := max(rowsBytes/(4*v.k()), 64)
	return ceilDiv(ceilDiv(v.rows(), ceilDiv(v.rows(), most)), 64) * 64
}

// convShape is the product that stands for a convolution when tiles are measured, if it does. For
// software drivers the tile that ought to suit is good enough.
func (l *lowerer) convShape(s step) (shape, bool) {
	switch s.op.(type) {
	case graph.Conv, graph.DeformConv:
	default:
		return shape{}, false
	}
	v := l.convolution(s)
	d := shape{m: v.rows(), n: v.n, k: v.k(), mode: convolved}
	if l.packing(v.weight).half {
		d.variant = "_fhf"
	}
	return d.tuned(), l.isPacked(v.weight) && l.style.Cores == 0 && v.n%4 == 0 && (l.readsMap(v) || v.pointwise() && v.c%4 == 0)
}

// convScratch is the memory of a convolution for rows.
func (l *lowerer) convScratch(s step) int64 {
	v := l.convolution(s)
	if !l.isPacked(v.weight) {
		return l.convValueScratch(s)
	}
	if l.packing(v.weight).panels {
		return l.stagedRows(v).bytes
	}
	if v.pointwise() || l.readsMap(v) {
		return 0
	}
	return 4 * int64(min(l.columnRows(v), v.rows())) * int64(v.k())
}

// conv lowers a convolution, deformable or not, as a product of its rows, which are made
// in scratch, with the weight.
func (l *lowerer) conv(s step) {
	v := l.convolution(s)
	if !l.isPacked(v.weight) {
		l.convValue(s)
		return
	}
	if l.packing(v.weight).panels {
		l.convUniform(s, v, l.packed(v.weight), 0)
		return
	}
	pictures := []span{{0, v.pictures}}
	perPicture := []int64{4 * int64(v.mapH*v.mapW*v.c), 4 * int64(v.positions) * int64(3*v.side*v.side)}
	if max(perPicture[0], perPicture[1])*int64(v.pictures) > l.limit {
		if v.om < 0 {
			perPicture = perPicture[:1]
		}
		pictures = l.spans(v.pictures, 0, append(perPicture, 4*int64(v.outH*v.outW*v.n))...)
	}
	for _, p := range pictures {
		l.convColumns(s, v, p)
	}
}

// columnsPush mirrors the block of columns.comp; channels in vectors.
type columnsPush struct {
	Rows, Row0             uint32
	Channels               uint32
	MapH, MapW, OutH, OutW uint32
	Positions              uint32
	Stride, Pad            uint32
}

// convColumns lowers the convolution of some pictures: rows by rows.
func (l *lowerer) convColumns(s step, v convolution, pictures span) {
	n, k, each := v.n, v.k(), v.outH*v.outW
	most, perRow := min(l.columnRows(v), l.mostRows(n, k), l.caps.MaxWorkgroups[0]*l.caps.MaxWorkgroups[1]), []int64{4 * int64(n), 4 * int64(k)}
	if v.pointwise() || l.readsMap(v) {
		most, perRow = l.mostRows(n, k), perRow[:1]
	}
	if v.pointwise() {
		perRow = append(perRow, 4*int64(k))
	}
	list := l.spans(pictures.units()*each, most, perRow...)
	stem, width := vector("columns", v.c)
	x := l.read(v.x, width, pictures.begin*v.mapH*v.mapW*v.c, pictures.units()*v.mapH*v.mapW*v.c)
	om := x
	om.width = 1
	if v.om >= 0 {
		per := v.positions * 3 * v.side * v.side
		om = l.read(v.om, 1, pictures.begin*per, pictures.units()*per)
	}
	push := columnsPush{Channels: uint32(v.c / width), MapH: uint32(v.mapH), MapW: uint32(v.mapW), OutH: uint32(v.outH), OutW: uint32(v.outW),
		Positions: uint32(v.positions), Stride: uint32(v.stride), Pad: uint32(v.pad)}
	for _, r := range list {
		rows, at := r.units(), span{pictures.begin*each + r.begin, pictures.begin*each + r.end}
		if l.readsMap(v) {
			l.convProduct(s, v, x, om, at, r.begin)
			continue
		}
		a := l.read(v.x, width, (pictures.begin*each+r.begin)*k, rows*k)
		if !v.pointwise() {
			push.Rows, push.Row0 = uint32(rows), uint32(r.begin)
			a = l.scratchPart(0, 4*int64(rows)*int64(k), width, engine.Write)
			l.emit(s, stem, dispatch{constants: constants(l.style.Group, v.side, v.om >= 0, 1), push: push, operands: []operand{x, om, a}, groups: l.fold(rows)})
			a.access = engine.Read
		}
		l.convProduct(s, v, a, om, at, r.begin)
	}
}

// convProduct multiplies rows of a convolution: a holds them, or the map that they are read from,
// in which the first has number row0.
func (l *lowerer) convProduct(s step, v convolution, a, om operand, rows span, row0 int) {
	n, k := v.n, v.k()
	pack := l.packing(v.weight)
	p := product{batch: 1, mode: identity,
		push: gemmPush{M: uint32(rows.units()), N: uint32(n), K: uint32(k), LDA: uint32(k), LDB: uint32(max(n, pack.cols)), LDC: uint32(n), Heads: 1, Alpha: 1}}
	width := 1
	if l.readsMap(v) {
		p.variant, p.side, p.mode = "_conv", v.side, convolved
		if v.om >= 0 {
			p.mode = deformed
		}
		p.push.Row0, p.push.placing = uint32(row0), v.placed()
	}
	switch {
	case v.c%4 != 0:
		p.variant = "_scalar"
	case n%4 != 0:
		p.variant += "_ragged"
	default:
		width = 4
	}
	if pack.half {
		p.variant += "_fhf"
	}
	y := l.write(s.out, width, rows.begin*n, rows.units()*n)
	previous := y
	previous.access = engine.Read
	for _, part := range l.depths(v) {
		first := part.begin == 0
		b := l.kRows(v, part)
		plain := b.unread()
		plain.width = width
		bias, residual := plain, plain
		if p.epilogue = (linear{bias: v.bias >= 0 && first, residual: !first}); p.epilogue.bias {
			bias = l.whole(v.bias, width)
		}
		if !first {
			residual = previous
		}
		p.push.ABase, p.push.K = uint32(part.begin), uint32(part.units())
		p.operands = []operand{a, b, bias, residual, y}
		switch {
		case p.side > 0:
			p.operands = append(p.operands, om)
		case width == 4: // a variant that could norm its rows
			p.operands = append(p.operands, plain, plain)
		}
		l.emitProduct(s, p)
	}
}

// depths are the parts of k that are multiplied one after the other.
func (l *lowerer) depths(v convolution) []span {
	k, parts := v.k(), 1
	if l.style.Cores > 0 && !l.readsMap(v) {
		parts = ceilDiv(k, directDepth)
	}
	granule := max(16, int(l.align/4))
	each := ceilDiv(ceilDiv(k, parts), granule) * granule
	var list []span
	for at := 0; at < k; at += each {
		list = append(list, span{at, min(at+each, k)})
	}
	return list
}

// kRows is the operand of some rows of the weight packed as [K, N].
func (l *lowerer) kRows(v convolution, rows span) operand {
	pack := l.packing(v.weight)
	o := operand{weight: l.g.Nodes[v.weight].Path, width: 4, half: pack.half, access: engine.Read}
	if v.c%4 != 0 {
		o.width = 1
	}
	perRow := l.size(v.weight) * int64(max(v.n, pack.cols))
	o.offset, o.bytes = perRow*int64(rows.begin), perRow*int64(rows.units())
	return o
}

// staged is how the uniform product finds its rows.
type staged struct {
	shape shape
	tile  Tile
	rows  int   // of a dispatch
	bytes int64 // of scratch
}

// stagedRows chooses how the uniform product takes a convolution: a plain one's rows are read from
// the map, and what lies beyond it from a token of zeros for each workgroup.
func (l *lowerer) stagedRows(v convolution) staged {
	d := shape{m: v.rows(), n: v.n, k: v.k(), mode: convolved}
	switch {
	case v.om >= 0:
		d.mode = deformed
	case v.pointwise():
		d.mode = identity
	}
	if l.packing(v.weight).half {
		d.variant = "_fhf"
	}
	r := l.stagedParts(d)
	if d.mode == convolved {
		down, across := r.tile.groups(d.m, d.n)
		r.bytes = 4 * int64(down*across) * int64(v.c)
	}
	return r
}

// stagedParts chooses the rows of a dispatch of a product. Where they are made in scratch, these are
// whole workgroups, as many as find memory for their rows, equally shared out to cores and
// dispatches.
func (l *lowerer) stagedParts(d shape) staged {
	t := l.style.tile(d, l.measured)
	if !d.staged() {
		return staged{shape: d, tile: t, rows: d.m}
	}
	down, across := t.groups(d.m, d.n)
	rows := t.rows
	if d.mode == turned {
		rows = uniformLanes * int(t.constants[1]) // a tile has room for as many
	}
	per := 4 * int64(across*rows) * int64(d.k) // of the workgroups of the same rows
	granule := lcm(max(l.style.Cores, 1), 4)   // so that rows of any length begin where a vec4 does
	most := max(int(rowsBytes/per)/granule, 1) * granule
	most = ceilDiv(ceilDiv(down, ceilDiv(down, most)), granule) * granule
	return staged{d, t, most * t.rows, per * int64(min(most, down))}
}

// convUniform lowers a convolution whose weight lies in panels; byte at of scratch is where its own memory begins.
func (l *lowerer) convUniform(s step, v convolution, weight operand, at int64) {
	r := l.stagedRows(v)
	t, n, k := r.tile, v.n, v.k()
	push := uniformPush{N: uint32(n), K: uint32(k), placing: v.placed(), LDA: uint32(k), LDC: uint32(n)}
	scratch := weight
	if r.bytes > 0 {
		scratch = l.scratchPart(at, r.bytes, 4, engine.ReadWrite)
	}
	for row := 0; row < v.rows(); row += r.rows {
		rows := min(r.rows, v.rows()-row)
		push.M, push.Row0 = uint32(rows), uint32(row)
		down, across := t.groups(rows, n)
		l.list = append(l.list, dispatch{
			path: s.path, shader: "gemm_uniform" + r.shape.variant, addressed: true, push: push,
			constants: append(append(constants(t.group, v.bias >= 0, false, false, false, r.shape.mode), t.constants...),
				t.uniformLoops(n, v.c, v.side, n%4 != 0, false)...),
			operands: []operand{l.whole(v.x, 4), weight, l.optional(v.bias, weight), weight, l.write(s.out, 4, row*n, rows*n), l.optional(v.om, weight), weight, scratch},
			groups:   [3]int{down, across, 1},
			flops:    2 * int64(rows) * int64(n) * int64(k),
		})
	}
}
